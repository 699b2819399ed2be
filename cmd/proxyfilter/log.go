package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// newLog is the logger of the whole process.
//
// Text that a stranger chose goes into fields, which every format escapes; the
// message of an event is always a constant.
func newLog(c logConfig, out io.Writer, tag prefix) zerolog.Logger {
	level, _ := zerolog.ParseLevel(c.Level) // the configuration was checked
	switch c.Format {
	case "json":
		return zerolog.New(cleanWriter{out}).Level(level).Hook(zerolog.HookFunc(stamp))
	case "console":
		return zerolog.New(zerolog.ConsoleWriter{
			Out: cleanWriter{out}, TimeFormat: time.TimeOnly, NoColor: !tag.terminal,
			FieldsOrder: []string{"id", "client", "from", "to", "action", "reason", "score"},
		}).Level(level).Hook(zerolog.HookFunc(stamp))
	}
	return zerolog.New(&postfixWriter{out: out, tag: tag}).Level(level)
}

// stamp adds the time in milliseconds. zerolog's own Timestamp has seconds
// unless a global variable says otherwise.
func stamp(e *zerolog.Event, _ zerolog.Level, _ string) {
	var room [32]byte
	e.Bytes(zerolog.TimestampFieldName, time.Now().AppendFormat(room[:0], "2006-01-02T15:04:05.000Z07:00"))
}

// prefix is what stands before each line in Postfix's manner, and who reads it.
type prefix struct {
	tag      string // "proxyfilter[123]: "
	journal  bool   // instead: <6>, the priority as journald reads it
	terminal bool   // colours are welcome
}

// newPrefix finds out whether standard error is the journal, which adds name
// and process id by itself (systemd.exec(5), JOURNAL_STREAM).
func newPrefix(environ []string, stderr any) prefix {
	p := prefix{tag: fmt.Sprintf("proxyfilter[%d]: ", os.Getpid())}
	f, isFile := stderr.(*os.File)
	if !isFile {
		return p
	}
	info, err := f.Stat()
	if err != nil {
		return p
	}
	p.terminal = info.Mode()&os.ModeCharDevice != 0
	if st, known := info.Sys().(*syscall.Stat_t); known {
		for _, v := range environ {
			if want, found := strings.CutPrefix(v, "JOURNAL_STREAM="); found {
				p.journal = want == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
			}
		}
	}
	return p
}

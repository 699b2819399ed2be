package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// The colours of ECMA-48 that every terminal has.
const (
	plain  = "\x1b[0m"
	bold   = "\x1b[1m"
	faint  = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
)

// screen writes whole lines from several goroutines, in colour if it is a
// terminal.
type screen struct {
	mu       sync.Mutex
	out      io.Writer
	coloured bool
}

// newScreen looks whether f is a terminal. NO_COLOR (no-color.org) is respected.
func newScreen(f *os.File) *screen {
	info, err := f.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &screen{out: f, coloured: terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

func (s *screen) line(colour, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if s.coloured && colour != "" {
		text = colour + text + plain
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(s.out, text)
}

func (s *screen) title(format string, args ...any) {
	s.line("", "")
	s.line(bold, format, args...)
	s.line("", "")
}

// dialogue is an io.Writer for what a client prints, line by line as it comes.
type dialogue struct {
	screen *screen
	rest   string
	heard  strings.Builder // everything, for the one who wants to know
}

func (d *dialogue) Write(b []byte) (int, error) {
	d.heard.Write(b)
	d.rest += string(b)
	for {
		line, rest, found := strings.Cut(d.rest, "\n")
		if !found {
			return len(b), nil
		}
		d.rest = rest
		if line = strings.TrimRight(line, "\r "); line != "" {
			d.screen.line(colourOf(line), "    %s", line)
		}
	}
}

// colourOf tells the sides of a dialogue apart, as swaks and smtplib mark them:
// what the client says, what it is told, and what it is refused.
func colourOf(line string) string {
	text := strings.TrimSpace(line)
	switch {
	case strings.HasPrefix(text, "->"), strings.HasPrefix(text, "~>"), strings.HasPrefix(text, "send:"):
		return cyan
	case strings.HasPrefix(text, "<-  4"), strings.HasPrefix(text, "<-  5"), strings.HasPrefix(text, "<*"),
		strings.HasPrefix(text, "reply: b'4"), strings.HasPrefix(text, "reply: b'5"):
		return red
	case strings.HasPrefix(text, "<-"), strings.HasPrefix(text, "<~"), strings.HasPrefix(text, "reply:"):
		return green
	}
	return faint
}

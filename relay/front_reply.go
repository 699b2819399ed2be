package relay

import (
	"bytes"
	"net"
	"strconv"
	"strings"
	"time"

	"proxyfilter/relay/wire"
)

// Write collects what go-smtp writes, line by line, and sends a reply whole, in
// one write. A reply that no command asked for is dropped: Postfix would take it
// for the answer to its next command.
func (f *front) Write(p []byte) (int, error) {
	if f.state != replying && f.state != received {
		return len(p), nil
	}
	f.out = append(f.out, p...)
	if code, whole := lastLine(f.out); whole {
		f.emit(code)
		f.out = f.out[:0]
	}
	return len(p), nil
}

// lastLine is the code of a reply, if its last line is there. go-smtp writes
// line by line, and nothing else than replies.
func lastLine(b []byte) (code int, whole bool) {
	if !bytes.HasSuffix(b, []byte("\n")) {
		return 0, false
	}
	line := b[bytes.LastIndexByte(b[:len(b)-1], '\n')+1:]
	if len(line) < 4 || line[3] != ' ' {
		return 0, false
	}
	code, err := strconv.Atoi(string(line[:3]))
	return code, err == nil
}

// emit sends the reply that go-smtp has made, in our words.
func (f *front) emit(code int) {
	ours := f.words(code)
	switch {
	case f.verb == "DATA" && f.state == replying && code == 354:
		f.state = content
	case f.verb == "DATA" && f.state == replying && f.look() != nil:
		// Content has come, and it would be read as commands.
		ours, f.hangUp, f.state = []byte("503 5.5.0 Error: improper pipelining\r\n"), true, command
	default:
		f.state = command
	}
	f.override = nil
	if f.verb == "QUIT" && f.look() != nil {
		f.shut() // Postfix does not wait for 221 (smtpd_proxy.c)
		return
	}
	f.send(ours)
	if f.hangUp {
		f.shut()
	}
}

// words are our reply in place of go-smtp's, which is in f.out.
func (f *front) words(code int) []byte {
	switch {
	case f.override != nil && f.override.Class() == code/100:
		return f.override.Append(nil)
	case code == 421 || code == 521:
		// 421 makes Postfix hang up on the remote client (smtpd_chat.c). go-smtp
		// says it after a panic, and its connection ends here.
		f.hangUp = true
		return []byte("451 4.3.0 Internal error, try again\r\n")
	case code/100 != 2:
		return f.out
	}
	switch f.verb {
	case "":
		return []byte("220 " + f.hostname + " ESMTP proxyfilter\r\n")
	case "EHLO":
		return wire.Reply{Code: 250, Lines: f.hello()}.Append(nil)
	case "MAIL":
		return []byte("250 2.1.0 Ok\r\n")
	case "RCPT":
		return []byte("250 2.1.5 Ok\r\n")
	}
	return f.out
}

// Close is called by go-smtp, at QUIT and when the conversation is over; only
// the first call counts.
func (f *front) Close() (err error) {
	f.once.Do(func() {
		f.state = closed
		err = f.raw.Close()
		f.done()
	})
	return err
}

// LocalAddr is the address that Postfix connected to.
func (f *front) LocalAddr() net.Addr { return f.raw.LocalAddr() }

// RemoteAddr is the address of Postfix, not of the remote client.
func (f *front) RemoteAddr() net.Addr { return f.raw.RemoteAddr() }

// SetDeadline does nothing: go-smtp has one deadline for a whole message, which
// ends slow ones and lets their rest be executed as commands.
func (f *front) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing, for the same reason.
func (f *front) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing: every write here has a limit of its own.
func (f *front) SetWriteDeadline(time.Time) error { return nil }

// cutVerb splits a command at its first blank, and takes blanks before and behind
// it, as Postfix does before it forwards them (smtpd_token.c). Verbs are upper
// case from here.
func cutVerb(line string) (verb, rest string) {
	line = strings.Trim(line, " \t")
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		return strings.ToUpper(line[:i]), line[i+1:]
	}
	return strings.ToUpper(line), ""
}

func trimLeft(s string) string { return strings.TrimLeft(s, " \t") }

// equalFold compares a field name or keyword without regard to case.
func equalFold(b []byte, name string) bool { return bytes.EqualFold(b, []byte(name)) }

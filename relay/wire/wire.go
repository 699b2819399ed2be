// Package wire is the SMTP byte level: lines, replies, XFORWARD attributes and
// the two directions of message content. Bytes go in and bytes come out; there
// is no I/O, no session and no clock, so every function can be fuzzed.
//
// Its rules are stricter than RFC 5321 asks, because a filter between two mail
// servers that disagree about an end of line is an open relay: what one takes
// for content, the other executes. So commands end in CRLF and contain no
// control characters, and content has exactly one end (see Decoder).
package wire

import (
	"bytes"
	"errors"
)

// What can be wrong with bytes.
var (
	// ErrIncomplete says that more bytes are needed. It is the only error after
	// which the same bytes may be offered again, with more behind them.
	ErrIncomplete = errors.New("incomplete")
	ErrTooLong    = errors.New("too long")
	ErrControl    = errors.New("control character")
	ErrSyntax     = errors.New("syntax error")
)

var crlf, lfDot = []byte("\r\n"), []byte("\n.")

// Line finds the first command line in b. It returns the line without its CRLF
// and how many bytes it took with it. A line longer than limit bytes, CRLF
// included, is ErrTooLong; used then says how much of b belongs to it so far.
// A line with a control character other than TAB, which a bare CR or LF also
// is, is ErrControl: both ends must not be able to read it differently.
func Line(b []byte, limit int) (line []byte, used int, err error) {
	end := bytes.IndexByte(b, '\n')
	switch {
	case end < 0 && len(b) < limit:
		return nil, 0, ErrIncomplete
	case end < 0 || end >= limit:
		return nil, min(len(b), limit), ErrTooLong
	case end == 0 || b[end-1] != '\r' || bytes.ContainsFunc(b[:end-1], isControl):
		return nil, end + 1, ErrControl
	}
	return b[:end-1], end + 1, nil
}

func isControl(r rune) bool { return (r < ' ' && r != '\t') || r == 0x7f }

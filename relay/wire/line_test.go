package wire_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"proxyfilter/relay/wire"
)

func TestLine(t *testing.T) {
	for _, test := range []struct {
		name, in string
		limit    int
		line     string
		used     int
		err      error
	}{
		{"a command loses its CRLF", "NOOP\r\nQUIT\r\n", 512, "NOOP", 6, nil},
		{"an empty line is a line", "\r\n", 512, "", 2, nil},
		{"TAB is no control character here", "MAIL\tFROM:<>\r\n", 512, "MAIL\tFROM:<>", 14, nil},
		{"UTF-8 passes", "RCPT TO:<bücher@example>\r\n", 512, "RCPT TO:<bücher@example>", 27, nil},
		{"nothing is incomplete", "", 512, "", 0, wire.ErrIncomplete},
		{"a line without its end is incomplete", "QUIT", 512, "", 0, wire.ErrIncomplete},
		{"a line whose LF is missing is incomplete", "QUIT\r", 512, "", 0, wire.ErrIncomplete},
		{"a line that fills the limit passes", "NOOP\r\n", 6, "NOOP", 6, nil},
		{"a line over the limit is too long", "NOOP\r\n", 5, "", 5, wire.ErrTooLong},
		{"an unfinished line that fills the limit is too long", "NOOPNO", 6, "", 6, wire.ErrTooLong},
		{"an unfinished line over the limit is too long", "NOOPNOOP", 6, "", 6, wire.ErrTooLong},
		{"LF alone ends no command", "NOOP\nQUIT\r\n", 512, "", 5, wire.ErrControl},
		{"LF alone at the start ends no command", "\nQUIT\r\n", 512, "", 1, wire.ErrControl},
		{"a CR inside is refused", "NOOP\rQUIT\r\n", 512, "", 11, wire.ErrControl},
		{"a second CR before the CRLF is refused", "NOOP\r\r\n", 512, "", 7, wire.ErrControl},
		{"a NUL is refused", "RCPT TO:<a\x00b>\r\n", 512, "", 15, wire.ErrControl},
		{"DEL is refused", "NOOP \x7f\r\n", 512, "", 8, wire.ErrControl},
	} {
		t.Run(test.name, func(t *testing.T) {
			line, used, err := wire.Line([]byte(test.in), test.limit)
			if string(line) != test.line || used != test.used || !errors.Is(err, test.err) {
				t.Errorf("got %q, %d, %v; want %q, %d, %v", line, used, err, test.line, test.used, test.err)
			}
		})
	}
}

// FuzzLine: what comes out is short and clean, and a line that arrives in
// pieces is read exactly as one that arrives whole.
func FuzzLine(f *testing.F) {
	for _, seed := range []string{"NOOP\r\n", "a\nb\r\n", "a\rb\r\n", "\x00\r\n", strings.Repeat("x", 40) + "\r\n"} {
		f.Add([]byte(seed), uint8(30))
	}
	f.Fuzz(func(t *testing.T, in []byte, limit uint8) {
		line, used, err := wire.Line(in, int(limit))
		if used > len(in) || len(line) > max(int(limit)-2, 0) {
			t.Fatalf("%q of %d bytes, used %d of %d", line, len(line), used, len(in))
		}
		if i := bytes.IndexFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }); i >= 0 {
			t.Fatalf("control character in %q", line)
		}
		if err == nil && string(in[:used]) != string(line)+"\r\n" {
			t.Fatalf("used %q for %q", in[:used], line)
		}
		for n := range in {
			part, partUsed, partErr := wire.Line(in[:n], int(limit))
			if errors.Is(partErr, wire.ErrIncomplete) {
				continue
			}
			if !bytes.Equal(part, line) || partUsed != used || !errors.Is(partErr, err) {
				t.Fatalf("after %d bytes %q, %d, %v; whole %q, %d, %v", n, part, partUsed, partErr, line, used, err)
			}
		}
	})
}

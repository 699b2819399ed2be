package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

func TestTheStandInForSpamd(t *testing.T) {
	mismatch := func(n int, line string) string {
		return fmt.Sprintf("SPAMD/1.0 76 Bad header line: Content-Length mismatch: %d bytes, %q\r\n", n, line)
	}
	for _, test := range []struct{ name, request, want string }{
		{"PING is answered with PONG", "PING SPAMC/1.5\r\n\r\n", "SPAMD/1.5 0 PONG\r\n"},
		{"PING may lack its empty line", "PING SPAMC/1.2\r\n", "SPAMD/1.5 0 PONG\r\n"},
		{"REPORT is answered with the table", "REPORT SPAMC/1.5\r\nContent-length: 3\r\nUser: x\r\n\r\na\r\n", string(reply(report))},
		{"SYMBOLS is answered with the names", "SYMBOLS SPAMC/1.5\r\nContent-Length: 3\r\n\r\na\r\n", string(reply(symbols))},
		{"CHECK is answered without a body", "CHECK SPAMC/1.5\r\n\r\na\r\n", "SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\nSpam: False ; 0.9 / 5.0\r\n\r\n"},
		{"a body cut short is refused", "REPORT SPAMC/1.5\r\nContent-length: 4\r\n\r\na\r\n", mismatch(3, "Content-length: 4")},
		{"a body that is too long is refused", "REPORT SPAMC/1.5\r\nContent-length: 2\r\n\r\na\r\n", mismatch(3, "Content-length: 2")},
		{"a header without its end is refused", "REPORT SPAMC/1.5\r\n", "SPAMD/1.0 76 Bad header line: no end of the header\r\n"},
		{"another protocol is refused", "EHLO x\r\n", "SPAMD/1.0 76 Bad header line: no protocol version in \"EHLO x\"\r\n"},
		{"an unknown verb is refused", "HELP SPAMC/1.5\r\n\r\n", "SPAMD/1.0 76 Bad header line: HELP\r\n"},
		{"nothing at all is refused", "", "SPAMD/1.0 76 Bad header line: no protocol version in \"\"\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s spamd
			if got := string(s.answer([]byte(test.request))); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestOnlyScansAreCounted(t *testing.T) {
	var s spamd
	for _, verb := range []string{"PING", "REPORT", "SYMBOLS", "NONSENSE"} {
		s.answer([]byte(verb + " SPAMC/1.5\r\n\r\n"))
	}
	if got := s.scans.Load(); got != 2 {
		t.Errorf("got %d scans, want 2", got)
	}
}

// A request is believed only if its body is as long as it says.
func FuzzReadRequest(f *testing.F) {
	f.Add([]byte("REPORT SPAMC/1.5\r\nContent-length: 3\r\n\r\na\r\n"))
	f.Add([]byte("PING SPAMC/1.2\r\n\r\n"))
	f.Fuzz(func(t *testing.T, request []byte) {
		verb, err := readRequest(request)
		if err != nil || verb == "PING" {
			return
		}
		head, body, _ := strings.Cut(string(request), "\r\n\r\n")
		for line := range strings.SplitSeq(head, "\r\n") {
			if n, ok := strings.CutPrefix(line, "Content-length: "); ok && n != strconv.Itoa(len(body)) && n == strings.TrimLeft(n, "+0") {
				t.Errorf("%q was believed with a body of %d bytes", line, len(body))
			}
		}
	})
}

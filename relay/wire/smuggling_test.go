package wire_test

import (
	"regexp"
	"strings"
	"testing"
)

// What an attacker hopes the next hop will execute. BDAT gets past a check of
// pipelining that DATA does not.
const (
	dataTail = "MAIL FROM:<a@evil.example>\r\nRCPT TO:<b@victim.example>\r\nDATA\r\nsmuggled"
	bdatTail = "MAIL FROM:<a@evil.example>\r\nRCPT TO:<b@victim.example>\r\nBDAT 10 LAST\r\nsmuggled\r\n"
)

// tricks are the ends of data that one mail server or another has believed in
// (CVE-2023-51764 and its kin), and what becomes of each.
var tricks = []struct{ name, sequence, content string }{
	{"LF dot LF", "\n.\n", "\r\n.\r\n"},
	{"LF dot CRLF", "\n.\r\n", "\r\n.\r\n"},
	{"CRLF dot LF", "\r\n.\n", "\r\n\r\n"},
	{"LF dot CR", "\n.\r", "\r\n. "},
	{"CR dot LF", "\r.\n", " .\r\n"},
	{"CR dot CR", "\r.\r", " . "},
	{"CRLF dot CR", "\r\n.\r", "\r\n "},
	{"CR dot CRLF", "\r.\r\n", " .\r\n"},
	{"CRLF CR dot CRLF", "\r\n\r.\r\n", "\r\n .\r\n"},
	{"CRLF dot CR CRLF", "\r\n.\r\r\n", "\r\n\r\n"},
	{"LF dot CR CRLF", "\n.\r\r\n", "\r\n.\r\n"},
	{"CR CR dot CR CR", "\r\r.\r\r", "  .  "},
	{"LF CR dot LF CR", "\n\r.\n\r", "\r\n .\r\n "},
	{"CRLF dot NUL CRLF", "\r\n.\x00\r\n", "\r\n\x00\r\n"},
	{"CRLF NUL dot CRLF", "\r\n\x00.\r\n", "\r\n\x00.\r\n"},
	{"CRLF dot blank CRLF", "\r\n. \r\n", "\r\n \r\n"},
	{"CRLF dot dot CRLF", "\r\n..\r\n", "\r\n.\r\n"},
	{"CRLF dot dot LF", "\r\n..\n", "\r\n.\r\n"},
}

// believed is an end of data to some server: a lone dot between any two of the
// characters that end a line anywhere, NULs not counted.
var believed = regexp.MustCompile(`(^|[\r\n])\x00*\.\x00*[\r\n]`)

func TestNoTrickEndsTheMessage(t *testing.T) {
	for _, trick := range tricks {
		for name, tail := range map[string]string{"DATA": dataTail, "BDAT": bdatTail} {
			t.Run(trick.name+" before "+name, func(t *testing.T) {
				in := "Subject: x\r\n\r\nbody" + trick.sequence + tail + "\r\n.\r\n"
				want := "Subject: x\r\n\r\nbody" + trick.content + tail + "\r\n"
				for _, step := range []int{1, 3, len(in)} {
					out, rest, _, done := decode(in, step)
					if out != want || rest != "" || !done {
						t.Fatalf("in steps of %d: %q, rest %q, done %v; want %q", step, out, rest, done, want)
					}
				}
				checkSafe(t, encode(want, 5), strings.Contains(trick.content, "\x00."))
			})
		}
	}
}

// checkSafe looks for an end of data before the last one. A NUL before the dot
// is content and is kept: no server takes it for nothing.
func checkSafe(t *testing.T, sent string, nul bool) {
	t.Helper()
	ends := believed.FindAllStringIndex(sent, -1)
	if want := 1; !nul && (len(ends) != want || ends[0][1] != len(sent)-1) {
		t.Errorf("sent %q, with ends at %v", sent, ends)
	}
}

func TestATrueEndLeavesTheTailBehind(t *testing.T) {
	for _, test := range []struct{ name, end, content string }{
		{"CRLF dot CRLF", "\r\n.\r\n", "\r\n"},
		{"CR CRLF dot CRLF", "\r\r\n.\r\n", "\r\n"},
		{"dot CR CRLF dot CRLF", "\r\n.\r\r\n.\r\n", "\r\n\r\n"},
		{"LF CRLF dot CRLF", "\n\r\n.\r\n", "\r\n\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, tail := range []string{dataTail, bdatTail} {
				in := "body" + test.end + tail
				for _, step := range []int{1, 3, len(in)} {
					out, rest, _, done := decode(in, step)
					if out != "body"+test.content || rest != tail || !done {
						t.Fatalf("in steps of %d: %q, rest %q, done %v", step, out, rest, done)
					}
				}
			}
		})
	}
}

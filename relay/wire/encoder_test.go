package wire_test

import (
	"strings"
	"testing"

	"proxyfilter/relay/wire"
)

func TestEncoder(t *testing.T) {
	for _, test := range []struct{ name, content, want string }{
		{"an ordinary message", "a\r\nb\r\n", "a\r\nb\r\n.\r\n"},
		{"an empty message", "", ".\r\n"},
		{"a dot at the very start", ".\r\n", "..\r\n.\r\n"},
		{"dots at the start of lines", "a\r\n.\r\n..b\r\n", "a\r\n..\r\n...b\r\n.\r\n"},
		{"dots inside lines stay", "a.b\r\nc.\r\n", "a.b\r\nc.\r\n.\r\n"},
		{"a last line without its end gets it", "a", "a\r\n.\r\n"},
		{"a CR at the end is completed", "a\r", "a\r\n.\r\n"},
		{"an LF at the end is no line end", "a\n", "a\n\r\n.\r\n"},
		{"a dot behind a bare LF is stuffed", "a\n.\nb\r\n", "a\n..\nb\r\n.\r\n"},
		{"NULs at the end are text", "\x00\x00", "\x00\x00\r\n.\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for step := range 4 {
				if got := encode(test.content, step+1); got != test.want {
					t.Errorf("in steps of %d: got %q, want %q", step+1, got, test.want)
				}
			}
		})
	}
}

func TestAnEncoderCanServeAgainAfterItsEnd(t *testing.T) {
	var e wire.Encoder
	e.End(e.Encode(nil, []byte("no line end")))
	if got := string(e.End(e.Encode(nil, []byte(".\r\n")))); got != "..\r\n.\r\n" {
		t.Errorf("got %q", got)
	}
}

func TestAnEmptyPieceChangesNothing(t *testing.T) {
	for _, content := range []string{"", "a", "a\r", "a\n", "a\r\n"} {
		var e wire.Encoder
		out := e.Encode(e.Encode(nil, []byte(content)), nil)
		if got := string(e.End(e.Encode(out, []byte(".")))); got != encode(content+".", 9) {
			t.Errorf("%q: got %q", content, got)
		}
	}
}

// FuzzEncoder: whatever the content, and however it is cut, the only end of
// data is the last three bytes, and Decoder finds the content again.
func FuzzEncoder(f *testing.F) {
	addTricks(f)
	for _, seed := range []string{"", ".", ".\r\n", "\n.\n", "\r", "\n", "a\r\n.b\r\n..\r\n", "\x00\x00"} {
		f.Add(seed, uint8(0))
	}
	f.Fuzz(func(t *testing.T, content string, step uint8) {
		out := encode(content, int(step)+1)
		if whole := encode(content, len(content)+1); out != whole {
			t.Fatalf("in steps of %d %q, whole %q", step+1, out, whole)
		}
		if i := strings.Index("\n"+out, "\n.\r"); i != len(out)-3 || !strings.HasSuffix("\r\n"+out, "\r\n.\r\n") {
			t.Fatalf("an end of data at %d of %q", i, out)
		}
		if strings.Contains("\n"+out[:len(out)-3], "\n.\n") {
			t.Fatalf("an LF dot LF in %q", out)
		}
		if _, rest, _, done := decode(out, len(out)); rest != "" || !done {
			t.Fatalf("%q: done %v, rest %q", out, done, rest)
		}
		normal, _, _, _ := reference(out) // content as a Decoder leaves it
		again, _, seen, _ := decode(encode(normal, int(step)+1), int(step)+1)
		if seen.NUL = 0; again != normal || seen != (wire.Anomalies{}) {
			t.Fatalf("%q became %q, %+v", normal, again, seen)
		}
	})
}

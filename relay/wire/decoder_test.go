package wire_test

import (
	"strings"
	"testing"

	"proxyfilter/relay/wire"
)

func TestDecoder(t *testing.T) {
	for _, test := range []struct {
		name, in, out, rest string
		seen                wire.Anomalies
	}{
		{name: "an ordinary message", in: "Subject: x\r\n\r\nbody\r\n.\r\n", out: "Subject: x\r\n\r\nbody\r\n"},
		{name: "an empty message", in: ".\r\n"},
		{name: "an empty line", in: "\r\n.\r\n", out: "\r\n"},
		{name: "what lies behind the end is left", in: "a\r\n.\r\nQUIT\r\n", out: "a\r\n", rest: "QUIT\r\n"},
		{name: "the end of an empty message is the end", in: ".\r\n.\r\n", rest: ".\r\n"},
		{name: "stuffed dots lose one dot", in: "..\r\n...a\r\n.\r\n", out: ".\r\n..a\r\n"},
		{name: "dots inside a line stay", in: "a.b\r\na.\r\n.\r\n", out: "a.b\r\na.\r\n"},
		{name: "a dot that was not stuffed is lost and counted", in: ".a\r\n.\r\n", out: "a\r\n", seen: wire.Anomalies{Unstuffed: 1}},
		{name: "CRs before CRLF are dropped", in: "a\r\r\r\n.\r\n", out: "a\r\n", seen: wire.Anomalies{ExtraCR: 1}},
		{name: "a line begins behind CR CRLF", in: "a\r\r\n..b\r\n.\r\n", out: "a\r\n.b\r\n", seen: wire.Anomalies{ExtraCR: 1}},
		{name: "a bare CR is a space", in: "a\rb\r\r\rc\r\n.\r\n", out: "a b   c\r\n", seen: wire.Anomalies{BareCR: 4}},
		{name: "a bare LF is CRLF", in: "a\nb\n\n\r\n.\r\n", out: "a\r\nb\r\n\r\n\r\n", seen: wire.Anomalies{BareLF: 3}},
		{name: "no line begins behind a bare LF", in: "a\n..b\r\n.\r\n", out: "a\r\n..b\r\n", seen: wire.Anomalies{BareLF: 1}},
		{name: "no line begins behind a bare CR", in: "a\r..b\r\n.\r\n", out: "a ..b\r\n", seen: wire.Anomalies{BareCR: 1}},
		{name: "NUL is kept", in: "\x00a\x00\r\n.\r\n", out: "\x00a\x00\r\n", seen: wire.Anomalies{NUL: 2}},
		{name: "a long line stays one line", in: strings.Repeat("x", 100000) + "\r\n.\r\n", out: strings.Repeat("x", 100000) + "\r\n"},
		{
			name: "a long run of CRs is written out in turns", in: "a" + strings.Repeat("\r", 100000) + "b\r\n.\r\n",
			out: "a" + strings.Repeat(" ", 100000) + "b\r\n", seen: wire.Anomalies{BareCR: 100000},
		},
		{
			name: "a long run of CRs before LF costs nothing", in: "a" + strings.Repeat("\r", 100000) + "\n.\r\n",
			out: "a\r\n", seen: wire.Anomalies{ExtraCR: 1},
		},
		{
			name: "many bare LFs are written out in turns", in: strings.Repeat("\n", 100000) + "\r\n.\r\n",
			out: strings.Repeat("\r\n", 100001), seen: wire.Anomalies{BareLF: 100000},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, step := range []int{1, 2, 3, 7, 4096, 1 << 20} {
				out, rest, seen, done := decode(test.in, step)
				if !done || out != test.out || rest != test.rest || seen != test.seen {
					t.Fatalf("in steps of %d: %.200q, rest %q, %+v, done %v; want %.200q, rest %q, %+v",
						step, out, rest, seen, done, test.out, test.rest, test.seen)
				}
			}
		})
	}
}

func TestContentWithoutItsEndIsNeverDone(t *testing.T) {
	for _, in := range []string{"", "a", "a\r\n", "a\r\n.", "a\r\n.\r", ".", ".\r", "a\r\n..\r\n", "a\r\nQUIT\r\n"} {
		if out, _, _, done := decode(in, 1); done {
			t.Errorf("%q is done, with %q", in, out)
		}
	}
}

func TestNothingIsDecodedBehindTheEnd(t *testing.T) {
	var d wire.Decoder
	d.Decode(nil, []byte("a\r\n.\r\n"))
	if out, used, done := d.Decode([]byte("x"), []byte("b\r\n.\r\n")); string(out) != "x" || used != 0 || !done {
		t.Errorf("got %q, %d, %v", out, used, done)
	}
}

// FuzzDecoder compares with the reference, whole and in pieces of any size. An
// end is added, so that there always is one to be missed.
func FuzzDecoder(f *testing.F) {
	addTricks(f)
	f.Add("a\n\r\n.\r\r\n..\r\n.\r.\x00\r\n.x\r\n", uint8(2))
	f.Add(strings.Repeat("\r", 5000)+"x"+strings.Repeat("\n", 5000), uint8(200))
	f.Add(strings.Repeat("ordinary text of an ordinary line\r\n", 40)+".\x00", uint8(0))
	f.Fuzz(func(t *testing.T, in string, step uint8) {
		in += "\r\n.\r\nMAIL FROM:<>\r\n"
		wantOut, wantRest, wantSeen, _ := reference(in)
		for _, n := range []int{1, int(step) + 1, len(in)} {
			out, rest, seen, done := decode(in, n)
			if !done || out != wantOut || rest != wantRest || seen != wantSeen {
				t.Fatalf("in steps of %d: %q, rest %q, %+v, done %v\nwant %q, rest %q, %+v",
					n, out, rest, seen, done, wantOut, wantRest, wantSeen)
			}
			if strings.ContainsAny(strings.ReplaceAll(out, "\r\n", ""), "\r\n") {
				t.Fatalf("a bare CR or LF in %q", out)
			}
		}
	})
}

package wire_test

import (
	"regexp"
	"strings"
	"testing"

	"proxyfilter/relay/relaytest"
)

// smuggled is what an attacker hopes the next hop will execute.
func smuggled(tail string) string {
	return relaytest.Smuggled(tail, "a@evil.example", "b@victim.example")
}

// believed is an end of data to some server: a lone dot between any two of the
// characters that end a line anywhere, NULs not counted.
var believed = regexp.MustCompile(`(^|[\r\n])\x00*\.\x00*[\r\n]`)

func TestNoTrickEndsTheMessage(t *testing.T) {
	for _, trick := range relaytest.Tricks() {
		for _, verb := range relaytest.Tails() {
			t.Run(trick.Name+" before "+verb, func(t *testing.T) {
				tail := smuggled(verb)
				in := "Subject: x\r\n\r\nbody" + trick.Sequence + tail + "\r\n.\r\n"
				want := "Subject: x\r\n\r\nbody" + trick.Content + tail + "\r\n"
				for _, step := range []int{1, 3, len(in)} {
					out, rest, _, done := decode(in, step)
					if out != want || rest != "" || !done {
						t.Fatalf("in steps of %d: %q, rest %q, done %v; want %q", step, out, rest, done, want)
					}
				}
				checkSafe(t, encode(want, 5), strings.Contains(trick.Content, "\x00."))
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
	for _, end := range relaytest.TrueEnds() {
		t.Run(end.Name, func(t *testing.T) {
			for _, verb := range relaytest.Tails() {
				tail := smuggled(verb)
				in := "body" + end.Sequence + tail
				for _, step := range []int{1, 3, len(in)} {
					out, rest, _, done := decode(in, step)
					if out != "body"+end.Content || rest != tail || !done {
						t.Fatalf("in steps of %d: %q, rest %q, done %v", step, out, rest, done)
					}
				}
			}
		})
	}
}

// addTricks gives a fuzz target the corpus: each trick and each true end, in
// front of each tail.
func addTricks(f *testing.F) {
	f.Helper()
	for i, trick := range append(relaytest.Tricks(), relaytest.TrueEnds()...) {
		for _, verb := range relaytest.Tails() {
			f.Add("body"+trick.Sequence+smuggled(verb), uint8(i))
		}
	}
}

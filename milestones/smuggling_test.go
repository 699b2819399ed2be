package milestones

import (
	"slices"
	"testing"

	"proxyfilter/integration/dialogue"
	"proxyfilter/relay/relaytest"
)

// A dialogue can be read by itself, and so it names the sequences itself.
func TestTheDialogueOfSmugglingPlaysTheWholeCorpus(t *testing.T) {
	scripts, err := dialogue.Load(".")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, trick := range relaytest.Tricks() {
		want = append(want, trick.Sequence)
	}
	at := slices.IndexFunc(scripts, func(s dialogue.Script) bool { return s.Name == "09-no-smuggling" })
	if at < 0 {
		t.Fatal("there is no such dialogue")
	}
	for _, l := range scripts[at].Lines {
		if l.Word == "each" && l.Args[0] == "END" {
			if got := l.Args[1:]; !slices.Equal(got, want) {
				t.Errorf("it plays %q, want %q", got, want)
			}
			return
		}
	}
	t.Error("it names no sequences")
}

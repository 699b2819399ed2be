// Package milestones plays the promises of this program, and measures the shape
// of its code.
//
// Each NN-name.txt is one promise: package integration/dialogue tells how to read
// it. Here they are played in memory, with virtual time, so that a scanner that
// hangs for an hour costs no time; integration plays the ones marked "real" again
// through real Postfix. "go test ./milestones -v" prints them as a roadmap: what
// is kept, and what is planned.
package milestones

import (
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"proxyfilter/integration/dialogue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPromises(t *testing.T) {
	scripts, err := dialogue.Load(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		t.Run(s.Name, func(t *testing.T) {
			t.Log(s.Promise())
			switch {
			case s.Has("planned"):
				t.Fatal("planned, and not played: a promise is kept by its dialogue")
			case !s.Has("hermetic"):
				t.Skip("only played by integration")
			}
			cases, err := s.Cases()
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cases {
				play(t, c)
			}
		})
	}
}

func play(t *testing.T, c dialogue.Case) {
	if c.Name == "" {
		synctest.Test(t, func(t *testing.T) { converse(t, c) })
		return
	}
	t.Run(c.Name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { converse(t, c) })
	})
}

func converse(t *testing.T, c dialogue.Case) {
	w := newWorld(t, c.Setup)
	err := dialogue.Play(w, c)
	w.end()
	if err != nil {
		t.Errorf("%v\n    the log, from warnings up:\n%s", err, w.complaints())
	}
}

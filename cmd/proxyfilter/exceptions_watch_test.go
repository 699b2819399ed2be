package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"proxyfilter/filter"
)

// TestWhatIsRevokedEndsThoughAnotherCannotBeRead: the store says that a slot cannot be
// read, which is no reason to keep what is gone.
func TestWhatIsRevokedEndsThoughAnotherCannotBeRead(t *testing.T) {
	made := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	e := filter.Exception{ID: "1JD3M0C5Z8RK", Reference: "1JD3K8M7Q2XA", Made: made, Until: made.Add(time.Hour), Kind: filter.ForSender, Name: "ann@example.org"}
	broken := errors.New("a slot cannot be read")
	edition, all, err := "one", []filter.Exception{e}, error(nil)
	w := &exceptionWatch{
		now: func() time.Time { return made }, log: zerolog.Nop(),
		news: func(context.Context, string) ([]filter.Exception, string, error) { return all, edition, err },
	}
	for _, step := range []struct {
		name    string
		edition string
		all     []filter.Exception
		err     error
		tagged  bool
	}{
		{"it is made", "one", []filter.Exception{e}, nil, true},
		{"the store is away, and nothing is known to have changed", "one", nil, broken, true},
		{"it is revoked, and another cannot be read", "two", nil, broken, false},
	} {
		edition, all, err = step.edition, step.all, step.err
		w.look(t.Context(), time.Second)
		j := filter.Judge{Scanners: []filter.Scanner{spamOnly{}}, Policies: filter.Policies{Default: filter.Policy{RejectAt: 10}}, Exceptions: w.known}
		v := j.Weigh(t.Context(), filter.Message{Envelope: filter.Envelope{Sender: "ann@example.org", Recipients: []string{"b@example.net"}}})
		if (v.Action == filter.Tag) != step.tagged {
			t.Errorf("%s: %v", step.name, v.Action)
		}
	}
}

// spamOnly finds spam in everything.
type spamOnly struct{}

func (spamOnly) Name() string { return "spamd" }

func (spamOnly) Scan(context.Context, filter.Message) (filter.Finding, error) {
	return filter.Finding{Score: 20, Limit: 5}, nil
}

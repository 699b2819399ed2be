package guard_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"proxyfilter/filter"
	"proxyfilter/filter/guard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// usually is a guard as an administrator would have it.
func usually() guard.Limits {
	return guard.Limits{Window: 15 * time.Minute, Baseline: 24 * time.Hour, Factor: 5, Least: 10}
}

// server is one at which there is mail, a minute after the other.
type server struct {
	guard *guard.Guard
	now   time.Time
	n     int // of messages so far
}

func newServer(l guard.Limits) *server {
	now := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	return &server{guard: guard.New(l, now), now: now}
}

// traffic is what there is in one minute.
type traffic func(s *server)

// minutes lets time go by, and is the last sight. The guard is looked at thrice a minute.
func (s *server) minutes(n int, all ...traffic) (last guard.Sight) {
	for range n {
		for _, t := range all {
			t(s)
		}
		for range 3 {
			s.now = s.now.Add(20 * time.Second)
			last = s.guard.Look(s.now)
		}
	}
	return last
}

// until lets time go by to a state, for at most some minutes, and is how many it took.
func (s *server) until(t *testing.T, want guard.State, most int, all ...traffic) int {
	t.Helper()
	for n := range most {
		if s.minutes(1, all...).State == want {
			return n + 1
		}
	}
	t.Fatalf("not %s within %d minutes: %+v", want, most, s.guard.Look(s.now))
	return 0
}

// message is one from a domain, for which SPF vouches.
func message(domain string, score float64) filter.Record {
	p := filter.Policy{TagAt: 5, RejectAt: 10}
	return filter.Record{
		Envelope: filter.Envelope{
			Sender: "someone@" + domain, Recipients: []string{"ann@here.example"},
			Client: filter.Client{Addr: netip.MustParseAddr("192.0.2.1")},
		},
		Verdict: p.Decide([]filter.Finding{{Source: "spamd", Score: score, Rules: []filter.Rule{{Name: "SPF_PASS"}}}}),
	}
}

func (s *server) add(r filter.Record) {
	r.Time = s.now
	s.guard.Add(&r)
	s.n++
}

// mail is some messages a minute of so many domains in turn, of which some in a
// hundred are refused: the first of those of a hundred that bad says.
func mail(n, domains int, names string, of, bad int) traffic {
	sent := 0
	return func(s *server) {
		for range n {
			score := 1.0
			if sent%of < bad {
				score = 20
			}
			s.add(message(fmt.Sprintf(names, sent%domains), score))
			sent++
		}
	}
}

// strangers send spam that nobody vouches for, in the names of those whom the guard
// knows.
func strangers(n int) traffic {
	return func(s *server) {
		for i := range n {
			r := message(fmt.Sprintf("good%d.example", i%60), 25)
			r.Verdict.Findings[0].Rules = []filter.Rule{{Name: "DKIM_SIGNED"}, {Name: "DKIM_INVALID"}, {Name: "SPF_FAIL"}}
			s.add(r)
		}
	}
}

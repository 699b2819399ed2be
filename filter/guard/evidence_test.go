package guard_test

import (
	"fmt"
	"testing"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/guard"
)

// A short life, in which three windows pass before half a baseline is over.
func brief() guard.Limits {
	return guard.Limits{Window: 10 * time.Second, Baseline: 80 * time.Second, Factor: 5, Least: 2}
}

func TestWhoIsKnownToBeGood(t *testing.T) {
	user := func(to string) func(s *server) {
		return func(s *server) {
			r := message("here.example", 1)
			r.Envelope.Client.Local, r.Envelope.Recipients = true, []string{to}
			s.add(r)
		}
	}
	automatic := func(s *server) {
		r := message("", 1)
		r.Envelope.Client.Local, r.Envelope.Sender, r.Envelope.Recipients = true, "", []string{"ann@friend.example"}
		s.add(r)
	}
	untaken := func(s *server) {
		r := message("here.example", 1)
		r.Envelope.Client.Local, r.Envelope.Recipients, r.Verdict.Action = true, []string{"ann@friend.example"}, filter.Defer
		s.add(r)
	}
	circular := func(s *server) {
		r := message("here.example", 1)
		r.Envelope.Client.Local, r.Envelope.Recipients = true, nil
		for n := range 150 {
			r.Envelope.Recipients = append(r.Envelope.Recipients, fmt.Sprintf("ann@friend%d.example", n))
		}
		s.add(r)
	}
	clean := func(s *server) { s.add(message("shop.example", 1)) }
	pause := func(d time.Duration) func(s *server) { return func(s *server) { s.now = s.now.Add(d) } }
	heard := func(sender string, rules ...string) func(s *server) {
		return func(s *server) {
			r := message("", 20)
			r.Envelope.Sender, r.Verdict.Findings[0].Rules = sender, nil
			for _, name := range rules {
				r.Verdict.Findings[0].Rules = append(r.Verdict.Findings[0].Rules, filter.Rule{Name: name})
			}
			s.add(r)
		}
	}
	later := pause(time.Minute)
	for _, test := range []struct {
		name  string
		steps []func(*server)
		seen  int
	}{
		{"a user has written to the domain", []func(*server){user("Ann@Friend.Example"), later, heard("bob@friend.example", "SPF_PASS")}, 1},
		{"a host of a domain to which a user has written", []func(*server){user("ann@friend.example"), later, heard("bounces@mail7.friend.example", "DKIM_VALID_EF")}, 1},
		{"the same in a country where domains are registered at the top", []func(*server){user("ann@friend.de"), later, heard("a@mail7.friend.de", "SPF_PASS")}, 1},
		{"his message was not taken", []func(*server){untaken, later, heard("ann@friend.example", "SPF_PASS")}, 0},
		{"he has written to a hundred domains before it", []func(*server){circular, later, heard("a@friend99.example", "SPF_PASS"), heard("a@friend100.example", "SPF_PASS")}, 1},
		{"he has just written to it", []func(*server){user("ann@friend.example"), pause(10 * time.Second), heard("ann@friend.example", "SPF_PASS")}, 0},
		{"his mail program has answered by itself", []func(*server){automatic, later, heard("ann@friend.example", "SPF_PASS")}, 0},
		{"nobody vouches for the sender", []func(*server){user("ann@friend.example"), later, heard("ann@friend.example", "DKIM_VALID", "DKIM_VALID_AU")}, 0},
		{"another organisation in the same country", []func(*server){user("ann@friend.co.uk"), later, heard("ann@fiend.co.uk", "SPF_PASS")}, 0},
		{"a stranger with its name in his", []func(*server){user("ann@friend.co.uk"), later, heard("ann%friend.co.uk@fiend.example", "SPF_PASS")}, 0},
		{"the same one there", []func(*server){user("ann@friend.co.uk"), later, heard("ann@mx.friend.co.uk", "SPF_PASS")}, 1},
		{"an address without a domain of its own", []func(*server){user("ann@[192.0.2.1]"), user("bob"), user("c@localhost"), later, heard("ann@[192.0.2.1]", "SPF_PASS"), heard("c@localhost", "SPF_PASS")}, 0},
		{"clean mail in three windows", []func(*server){clean, pause(10 * time.Second), clean, pause(10 * time.Second), clean, pause(30 * time.Second), heard("a@shop.example", "SPF_PASS")}, 1},
		{"clean mail in two windows", []func(*server){clean, clean, pause(10 * time.Second), clean, clean, pause(30 * time.Second), heard("a@shop.example", "SPF_PASS")}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(brief())
			for _, step := range test.steps {
				step(s)
			}
			if got := s.guard.Look(s.now); got.Seen != test.seen || got.Refused != test.seen {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestWhatARecordSays(t *testing.T) {
	listed := func(entry string) filter.Finding {
		return filter.Finding{Source: filter.ListsName, Labels: []string{filter.Listed, entry}}
	}
	suspended := filter.Suspension{By: filter.GuardName, Instead: filter.Defer}.Finding()
	for _, test := range []struct {
		name    string
		policy  filter.Policy
		score   float64
		more    []filter.Finding
		change  func(*filter.Record)
		seen    int
		refused int
	}{
		{name: "an accepted client", more: []filter.Finding{listed("accept_clients 192.0.2.0/24")}, seen: 1},
		{name: "an accepted client, with a score that is refused of others", score: 10, more: []filter.Finding{listed("accept_clients 192.0.2.0/24")}, seen: 1, refused: 1},
		{name: "an accepted signature", score: 20, more: []filter.Finding{listed("accept_signed *.example.org")}, seen: 1, refused: 1},
		{name: "an accepted sender, and it is him", score: 20, more: []filter.Finding{listed("accept_senders example.org")}, seen: 1, refused: 1},
		{
			name: "an accepted sender, and nobody knows whether it is him", more: []filter.Finding{listed("accept_senders example.org")},
			change: func(r *filter.Record) { r.Verdict.Findings[0].Rules = nil },
		},
		{name: "an accepted recipient says nothing of the sender", score: 20, more: []filter.Finding{listed("accept_recipients abuse@here.example")}},
		{name: "a refusal that is suspended counts", score: 20, more: []filter.Finding{listed("accept_senders example.org"), suspended}, seen: 1, refused: 1},
		{name: "a policy that refuses nothing", policy: filter.Policy{TagAt: 5}, score: 20, more: []filter.Finding{listed("accept_senders example.org")}, seen: 1},
		{name: "a policy that observes", policy: filter.Policy{Mode: filter.Observe, RejectAt: 10}, score: 20, more: []filter.Finding{listed("accept_senders example.org")}, seen: 1, refused: 1},
		{
			name: "an answer that was given before", score: 20, more: []filter.Finding{listed("accept_senders example.org")},
			change: func(r *filter.Record) { r.Verdict.Findings[0].Labels = []string{filter.Reused} },
		},
		{
			name: "no scanner has answered", more: []filter.Finding{listed("accept_clients 192.0.2.0/24")},
			change: func(r *filter.Record) { r.Verdict.Findings = r.Verdict.Findings[1:] },
		},
		{
			name: "refused by the next hop", more: []filter.Finding{listed("accept_clients 192.0.2.0/24")},
			change: func(r *filter.Record) { r.Verdict.Reason = filter.HopRefused },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := message("example.org", test.score)
			if test.policy.TagAt == 0 && test.policy.RejectAt == 0 {
				test.policy = filter.Policy{TagAt: 5, RejectAt: 10}
			}
			r.Verdict = test.policy.Decide(append(r.Verdict.Findings, test.more...))
			if test.change != nil {
				test.change(&r)
			}
			s := newServer(brief())
			s.add(r)
			if got := s.guard.Look(s.now); got.Seen != test.seen || got.Refused != test.refused {
				t.Errorf("%+v", got)
			}
		})
	}
}

package guard_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/guard"
)

// day is a baseline, and the minute in which it ends.
const day = 24*60 + 1

// ordinary is an ordinary minute: good mail of sixty domains, of which each is heard once
// in a window, and spam.
func ordinary() []traffic {
	return []traffic{mail(4, 60, "good%d.example", 100, 1), strangers(10)}
}

// broken is the same, but so many in a hundred good messages are refused.
func broken(percent int) []traffic {
	return []traffic{mail(4, 60, "good%d.example", 100, percent), strangers(10)}
}

func TestWhatIsAnAlarm(t *testing.T) {
	for _, test := range []struct {
		name   string
		within int // minutes
		now    []traffic
	}{
		{"a rule that hits all mail", 10, broken(100)},
		{"a rule that hits a third of the good mail", 20, broken(33)},
		{"a false alarm about viruses", 10, []traffic{infected}},
		{"a rule that hits hosts which are accepted whatever their score", 10, []traffic{listed(20)}},
		{"a bad rule in the middle of a wave of spam", 10, append(broken(100), strangers(1000))},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(usually())
			s.minutes(day, ordinary()...)
			if at := s.until(t, guard.Alarm, test.within, test.now...); at < 2 {
				t.Errorf("after %d minutes, which is too little to tell", at)
			}
		})
	}
}

func TestWhatIsNoAlarm(t *testing.T) {
	for _, test := range []struct {
		name string
		now  []traffic
	}{
		{"an ordinary day", ordinary()},
		{"a hundred times as much spam in the names of good senders", append(ordinary(), strangers(1000))},
		{"ten times as much mail of every kind", []traffic{mail(40, 60, "good%d.example", 100, 1), strangers(100)}},
		{"spam of a thousand domains that have signed it, and which nobody knows", append(ordinary(), mail(100, 1000, "spam%d.example", 100, 100))},
		{"the same below one domain that is known", append(ordinary(), mail(100, 1000, "x%d.good1.example", 100, 100))},
		{"eight good senders have been broken into, and send nothing but spam", append(ordinary(), mail(200, 8, "good%d.example", 100, 100))},
		{"a user's password was stolen", append(ordinary(), user(100, 20))},
		{"a rule that hits one in fifty good messages", broken(2)},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(usually())
			s.minutes(day, ordinary()...)
			for range 120 {
				if got := s.minutes(1, test.now...); got.State != guard.Watching {
					t.Fatalf("%+v", got)
				}
			}
		})
	}
}

// user sends mail from here.
func user(n int, score float64) traffic {
	return func(s *server) {
		for i := range n {
			r := message("here.example", score)
			r.Envelope.Client.Authenticated = true
			r.Envelope.Recipients = []string{fmt.Sprintf("x@victim%d.example", i)}
			s.add(r)
		}
	}
}

// infected is what one scanner says of all mail.
func infected(s *server) {
	for range 4 {
		r := message(fmt.Sprintf("good%d.example", s.n%60), 1)
		r.Verdict = filter.Policy{RejectAt: 10}.Decide(append(r.Verdict.Findings, filter.Finding{
			Source: "clamd", Viruses: true, Advice: filter.Reject, Rules: []filter.Rule{{Name: "Wrong"}},
		}))
		s.add(r)
	}
}

// listed are hosts that a list accepts, and a score that is too high.
func listed(score float64) traffic {
	return func(s *server) {
		for range 4 {
			r := message("", score)
			addr := netip.AddrFrom4([4]byte{198, 51, 100, byte(s.n % 60)})
			r.Envelope.Sender, r.Envelope.Client.Addr = "", addr
			r.Verdict = filter.Policy{RejectAt: 10}.Decide(append(r.Verdict.Findings, filter.Finding{
				Source: filter.ListsName, Advice: filter.Accept, Labels: []string{filter.Listed, "accept_clients " + addr.String() + "/32"},
			}))
			s.add(r)
		}
	}
}

func TestAnAlarmEndsByItselfOnceTheRuleIsMended(t *testing.T) {
	s := newServer(usually())
	s.minutes(day, ordinary()...)
	s.until(t, guard.Alarm, 10, broken(100)...)
	for range 180 {
		if got := s.minutes(1, broken(100)...); got.State != guard.Alarm {
			t.Fatalf("it swings: %+v", got)
		}
	}
	if at := s.until(t, guard.Watching, 45, ordinary()...); at < 15 {
		t.Errorf("ended after %d minutes, before a window was over", at)
	}
	if got := s.minutes(60, ordinary()...); got.State != guard.Watching || got.Usual > 0.02 {
		t.Errorf("the alarm has taught it what is usual: %+v", got)
	}
	s.until(t, guard.Alarm, 10, broken(100)...)
}

func TestSilenceEndsNoAlarm(t *testing.T) {
	s := newServer(usually())
	s.minutes(day, ordinary()...)
	s.until(t, guard.Alarm, 10, broken(100)...)
	if got := s.minutes(6 * 60); got.State != guard.Alarm {
		t.Errorf("ended at night: %+v", got)
	}
	if got := s.minutes(30, strangers(100)); got.State != guard.Alarm {
		t.Errorf("ended by mail that says nothing: %+v", got)
	}
	s.until(t, guard.Watching, 45, ordinary()...)
}

func TestAnAlarmLastsABaselineAtMost(t *testing.T) {
	s := newServer(usually())
	s.minutes(day, ordinary()...)
	s.until(t, guard.Alarm, 10, broken(100)...)
	if at := s.until(t, guard.Learning, day, broken(100)...); at < day-10 {
		t.Errorf("given up after %d minutes", at)
	}
	if got := s.minutes(2*day, broken(100)...); got.State != guard.Watching || got.Usual < 0.9 {
		t.Errorf("it has not learned that this is usual: %+v", got)
	}
}

func TestABeginnerOnlyLearns(t *testing.T) {
	s := newServer(usually())
	s.minutes(12*60, ordinary()...)
	if got := s.minutes(60, broken(100)...); got.State != guard.Learning {
		t.Errorf("%+v", got)
	}
}

func TestAQuietServerNeedsMoreThanTwoRefusals(t *testing.T) {
	s := newServer(usually())
	quiet := func(percent int) traffic { return mail(1, 60, "good%d.example", 100, percent) }
	for range 48 { // a message each half hour
		s.minutes(1, quiet(0))
		s.minutes(29)
	}
	for range 6 {
		s.minutes(1, quiet(100), quiet(100))
		if got := s.minutes(29); got.State == guard.Alarm {
			t.Fatalf("%+v", got)
		}
	}
}

func TestWhatWasUsualIsLearned(t *testing.T) {
	s := newServer(usually())
	got := s.minutes(2*day, broken(12)...)
	if got.State != guard.Watching || got.Usual < 0.09 || got.Usual > 0.15 {
		t.Errorf("%+v", got)
	}
	if got.Limit != 0.5 {
		t.Errorf("an alarm from %v on", got.Limit)
	}
	s.until(t, guard.Alarm, 20, broken(100)...)
}

func TestTimeThatGoesBackIsNow(t *testing.T) {
	s := newServer(usually())
	s.minutes(day, ordinary()...)
	before := s.guard.Look(s.now)
	s.now = s.now.Add(-48 * time.Hour)
	if got := s.guard.Look(s.now); got != before {
		t.Errorf("%+v, before %+v", got, before)
	}
	s.add(message("good1.example", 20))
}

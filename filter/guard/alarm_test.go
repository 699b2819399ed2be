package guard_test

import (
	"testing"
	"time"

	"proxyfilter/filter/guard"
)

// hosts are so many that a list accepts, each heard once a minute; of these the first
// ones are refused.
func hosts(n, refused int) traffic {
	return func(s *server) {
		for host := range n {
			s.add(accepted(host, host < refused))
		}
	}
}

func TestWhatEndsAnAlarm(t *testing.T) {
	for _, test := range []struct {
		name  string
		usual []traffic
		now   []traffic
		ends  bool
	}{
		{"one sender who is refused for ever, and others who are not", ordinary(), []traffic{hosts(4, 1)}, true},
		{"one sender who is refused for ever, and nobody else", ordinary(), []traffic{hosts(1, 1)}, false},
		{"two of four senders", ordinary(), []traffic{hosts(4, 2)}, false},
		{"as many as usual", broken(4), broken(4), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(usually())
			s.minutes(day, test.usual...)
			s.until(t, guard.Alarm, 10, broken(100)...)
			if got := s.minutes(70, test.now...); (got.State == guard.Watching) != test.ends {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestAFewOfManySendersAreNoAlarm(t *testing.T) {
	s := newServer(usually())
	s.minutes(day, hosts(1000, 0))
	if got := s.minutes(60, hosts(1000, 40)); got.State != guard.Watching || got.Refused != 40 || got.Usual > 0.005 {
		t.Errorf("%+v", got)
	}
	s.until(t, guard.Alarm, 2, hosts(1000, 60))
}

func TestNothingIsLearnedFromTheBeginningOfAnAlarm(t *testing.T) {
	s := newServer(usually())
	s.minutes(day-1, hosts(60, 0)) // a whole number of windows
	before := s.guard.Look(s.now).Usual
	s.minutes(15, hosts(60, 9)) // one more, in which it is too little for an alarm
	s.until(t, guard.Alarm, 2, hosts(60, 60))
	s.minutes(30, hosts(60, 60))
	s.until(t, guard.Watching, 45, hosts(60, 0))
	if got := s.minutes(60, hosts(60, 0)); got.Usual > before {
		t.Errorf("usual is %v, and was %v", got.Usual, before)
	}
}

func TestTheLatestWindowIsNotYetUsual(t *testing.T) {
	s := newServer(usually())
	s.minutes(day-1, hosts(60, 0)) // a whole number of windows
	before := s.guard.Look(s.now).Usual
	if got := s.minutes(16, hosts(60, 9)); got.Usual > before {
		t.Errorf("%+v", got)
	}
	if got := s.minutes(15, hosts(60, 9)); got.Usual <= before {
		t.Errorf("%+v, and later it is", got)
	}
}

func TestAClockThatGoesBackEndsNoAlarmAtOnce(t *testing.T) {
	s := newServer(usually())
	s.minutes(day, hosts(60, 0))
	s.until(t, guard.Alarm, 2, hosts(60, 60))
	s.guard.Look(s.now.Add(-48 * time.Hour))
	if got := s.minutes(5, hosts(60, 0)); got.State != guard.Alarm {
		t.Errorf("%+v", got)
	}
}

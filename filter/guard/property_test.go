package guard_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"proxyfilter/filter"
	"proxyfilter/filter/guard"
)

// accepted is a message of a host that a list accepts.
func accepted(host int, refused bool) filter.Record {
	score := 1.0
	if refused {
		score = 20
	}
	r := message("", score)
	r.Envelope.Sender = ""
	r.Verdict.Findings = append(r.Verdict.Findings, filter.Finding{
		Source: filter.ListsName, Labels: []string{filter.Listed, fmt.Sprintf("accept_clients %d", host)},
	})
	return r
}

func TestTheWindowHoldsTheLatestMessageOfEachSender(t *testing.T) {
	type heard struct {
		slot    int64
		refused bool
	}
	rapid.Check(t, func(t *rapid.T) {
		s := newServer(guard.Limits{Window: 10 * time.Second, Baseline: time.Hour, Factor: 5, Least: 1 << 30})
		begun, latest := s.now, map[int]heard{}
		for range rapid.IntRange(1, 200).Draw(t, "messages") {
			s.now = s.now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "milliseconds")) * time.Millisecond)
			slot, host, refused := int64(s.now.Sub(begun)/time.Second), rapid.IntRange(0, 20).Draw(t, "host"), rapid.Bool().Draw(t, "refused")
			s.add(accepted(host, refused))
			latest[host] = heard{slot, refused}
			seen, bad := 0, 0
			for _, h := range latest {
				if h.slot > slot-10 {
					seen++
					if h.refused {
						bad++
					}
				}
			}
			if got := s.guard.Look(s.now); got.Seen != seen || got.Refused != bad {
				t.Fatalf("%d seen and %d refused, want %d and %d", got.Seen, got.Refused, seen, bad)
			}
		}
	})
}

func TestNeitherFewSendersNorStrangersRaiseAnAlarm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := guard.Limits{
			Window: time.Minute, Baseline: 10 * time.Minute,
			Factor: rapid.Float64Range(1.1, 20).Draw(t, "factor"), Least: rapid.IntRange(1, 20).Draw(t, "least"),
		}
		s := newServer(l)
		for range rapid.IntRange(1, 300).Draw(t, "messages") {
			s.now = s.now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
			if rapid.Bool().Draw(t, "known") {
				s.add(accepted(rapid.IntRange(1, l.Least).Draw(t, "host")-1, l.Least > 1 && s.n%l.Least != 0))
				s.add(accepted(0, false)) // of so many senders at least one is well
			} else {
				r := message(fmt.Sprintf("spam%d.example", s.n), 30)
				if rapid.Bool().Draw(t, "forged") {
					r.Envelope.Sender, r.Verdict.Findings[0].Rules = "a@good.example", nil
				}
				s.add(r)
			}
			if got := s.guard.Look(s.now); got.State == guard.Alarm || got.Refused >= l.Least {
				t.Fatalf("%+v", got)
			}
		}
	})
}

func TestTheMemoryIsBounded(t *testing.T) {
	const most = 1 << 16
	s := newServer(usually())
	for host := range most + 1000 {
		s.add(accepted(host, false))
	}
	if got := s.guard.Look(s.now); got.Seen != most {
		t.Errorf("%d senders", got.Seen)
	}
	s.minutes(2 * day)
	s.add(accepted(most+1, false))
	if got := s.guard.Look(s.now); got.Seen != 1 {
		t.Errorf("there is no room again: %d senders", got.Seen)
	}
}

func TestWhoIsRefusedTakesNoRoomAndNobodyComesInWhenThereIsNone(t *testing.T) {
	s := newServer(usually())
	for n := range 1<<16 + 1 {
		s.add(message(fmt.Sprintf("spam%d.example", n), 20))
	}
	s.add(accepted(1, false))
	if got := s.guard.Look(s.now); got.Seen != 1 {
		t.Errorf("%d senders after spam of many", got.Seen)
	}
	for host := range 1 << 16 {
		s.add(accepted(host, false))
	}
	user(1, 1)(s) // writes to victim0.example
	s.minutes(13 * 60)
	s.add(message("victim0.example", 1))
	if got := s.guard.Look(s.now); got.Seen != 0 {
		t.Errorf("%d senders, though there was no room", got.Seen)
	}
}

func TestWhoWasHeardTodayIsRememberedEvenWithoutRoom(t *testing.T) {
	s := newServer(usually())
	user(1, 1)(s) // writes to victim0.example
	for host := range 1 << 16 {
		s.add(accepted(host, false))
	}
	s.minutes(13 * 60)
	s.add(message("victim0.example", 1))
	if got := s.guard.Look(s.now); got.Seen != 1 {
		t.Errorf("%d senders", got.Seen)
	}
}

func TestManyConversationsAtOnce(t *testing.T) {
	s := newServer(usually())
	var all sync.WaitGroup
	for host := range 50 {
		all.Go(func() {
			for n := range 100 {
				r := accepted(host, n%2 == 0)
				r.Time = s.now.Add(time.Duration(n) * time.Second)
				s.guard.Add(&r)
				s.guard.Look(r.Time)
			}
		})
	}
	all.Wait()
	if got := s.guard.Look(s.now); got.Seen != 50 || got.Refused != 0 {
		t.Errorf("%+v", got)
	}
}

// Most mail is a stranger's, and some is good.
func BenchmarkAdd(b *testing.B) {
	known, stranger := message("good.example", 1), message("spam.example", 20)
	stranger.Verdict.Findings[0].Rules = make([]filter.Rule, 30)
	for name, r := range map[string]filter.Record{"known": known, "stranger": stranger} {
		b.Run(name, func(b *testing.B) {
			s := newServer(usually())
			r.Time = s.now
			b.ReportAllocs()
			for b.Loop() {
				s.guard.Add(&r)
			}
		})
	}
}

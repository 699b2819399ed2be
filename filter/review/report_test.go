package review_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"runtime"
	"testing"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/review"
)

func reported(all []review.Stored) review.Summary {
	r := review.NewReport(begun(), begun().Add(7*24*time.Hour))
	for _, s := range all {
		r.Add(s)
	}
	return r.Summary()
}

func TestTheCountsAddUp(t *testing.T) {
	all := week(3000)
	for i := range all {
		if i%31 == 0 {
			all[i].Verdict = filter.Verdict{Action: filter.Defer, Would: filter.Defer, Reason: filter.Aborted}
		}
	}
	s := reported(all)
	outcomes, columns, parts, refusals, scanned := 0, 0, 0, 0, 0
	for _, o := range s.Outcomes {
		outcomes += o.Count
		if o.Action == filter.Reject {
			refusals += o.Count
		}
	}
	refusedByTime := 0
	for _, c := range s.Columns {
		columns += c.Records
		parts += c.Accepted + c.Marked + c.Deferred + c.Refused
		refusedByTime += c.Refused
	}
	for _, b := range s.Scores {
		scanned += b.Count
	}
	want := 0
	for _, m := range all {
		if m.Verdict.Scanned() {
			want++
		}
	}
	if s.Records != 3000 || outcomes != 3000 || columns != 3000 || parts != 3000 {
		t.Errorf("%d records, %d by outcome, %d by time, %d by time and action", s.Records, outcomes, columns, parts)
	}
	if refusals != refusedByTime || refusals == 0 || scanned != want {
		t.Errorf("%d refusals, %d by time; %d scores of %d", refusals, refusedByTime, scanned, want)
	}
}

func TestAnotherLimitIsCountedAsAReplayCountsIt(t *testing.T) {
	all := week(3000)
	for i := range all { // one policy for all: of several, a report knows only what was decided
		all[i].Envelope.Recipients, all[i].Recipients = []string{"x@example.net"}, 1
		all[i].Verdict = policies(10).Decide(all[i].Envelope, all[i].Verdict.Findings)
	}
	for _, o := range reported(all).Others {
		replay := review.Replay{Judge: judge(o.RejectAt)}
		for _, s := range all {
			replay.Add(s)
		}
		more, less := 0, 0
		for _, c := range replay.Outcome().Changes {
			switch {
			case c.Changed() && c.To == filter.Reject:
				more += c.Count
			case c.Changed() && c.From == filter.Reject:
				less += c.Count
			}
		}
		if o.More != more || o.Less != less || more+less == 0 {
			t.Errorf("at %v: %d more and %d less; replayed, %d and %d", o.RejectAt, o.More, o.Less, more, less)
		}
	}
}

// one is a message that somebody scanned.
func one(change func(*review.Stored)) review.Stored {
	s := review.Stored{Recipients: 1, Record: &filter.Record{
		Time: begun().Add(time.Hour),
		Envelope: filter.Envelope{
			ID: "1JD3K8M7Q2XA", Sender: "carol@example.org", Recipients: []string{"x@example.net"},
			Client: filter.Client{Addr: netip.MustParseAddr("192.0.2.1")},
		},
		Verdict: policies(10).Decide(filter.Envelope{}, []filter.Finding{{Source: "spamd", Score: 12}}),
	}}
	change(&s)
	return s
}

func TestWhatAReportSays(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*review.Stored)
		got    func(review.Summary) any
		want   any
	}{
		{"a client by its address", func(*review.Stored) {}, func(s review.Summary) any { return s.Clients }, []review.Ranked{{Key: "192.0.2.1", Count: 1, Refused: 1}}},
		{
			"a client of IPv6 by its network", func(s *review.Stored) { s.Envelope.Client.Addr = netip.MustParseAddr("2001:db8::1") },
			func(s review.Summary) any { return s.Clients[0].Key }, "2001:db8::/64",
		},
		{"a client that is not known", func(s *review.Stored) { s.Envelope.Client.Addr = netip.Addr{} }, func(s review.Summary) any { return s.Clients[0].Key }, "unknown"},
		{"the recipient that was refused, and no other", func(s *review.Stored) { s.Recipient = "Y@Example.net" }, func(s review.Summary) any { return s.To[0].Key }, "y@example.net"},
		{"no hashed addresses", func(s *review.Stored) { s.Hashed = true }, func(s review.Summary) any { return []int{s.Hashed, len(s.Clients), len(s.To)} }, []int{1, 0, 0}},
		{"a refusal that was only observed", func(s *review.Stored) { s.Verdict.Action = filter.Tag }, func(s review.Summary) any { return []int{s.Observed, s.Columns[0].Refused} }, []int{1, 1}},
		{
			"why a source did not answer", func(s *review.Stored) {
				s.Verdict.Findings = []filter.Finding{{Source: "spamd", Cause: filter.CauseBusy}}
			},
			func(s review.Summary) any { return s.Errors },
			[]review.Failed{{Source: "spamd", Cause: filter.CauseBusy, Count: 1}},
		},
		{"the limits in force", func(*review.Stored) {}, func(s review.Summary) any { return s.Limits }, []review.Limits{{TagAt: 5, RejectAt: 10, Count: 1}}},
		{"a slow scan", func(s *review.Stored) { s.Scanned = 3 * time.Second }, func(s review.Summary) any { return s.Slowest[0].Reference }, "1JD3K8M7Q2XA"},
		{
			"what one recipient let through", func(s *review.Stored) {
				s.Envelope.Recipients, s.Recipients = []string{"x@example.net", "x@lenient.example"}, 2
				s.Verdict = policies(10).Decide(s.Envelope, s.Verdict.Findings)
			},
			func(s review.Summary) any { return []any{s.Overruled, s.Lenient[0].Reference} },
			[]any{1, "1JD3K8M7Q2XA"},
		},
		{
			"a rule", func(s *review.Stored) { s.Verdict.Findings[0].Rules = []filter.Rule{{Name: "BAYES_99"}} },
			func(s review.Summary) any { return s.Rules },
			[]review.Ranked{{Key: "BAYES_99", Count: 1, Refused: 1}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.got(reported([]review.Stored{one(test.change)})); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestACorrespondentMustBeConfirmed(t *testing.T) {
	ours := one(func(s *review.Stored) {
		s.Envelope.Client.Authenticated, s.Envelope.Recipients = true, []string{"Carol@Example.org"}
	})
	reply := one(func(s *review.Stored) { s.Verdict.Findings[0].Rules = []filter.Rule{{Name: "SPF_PASS"}} })
	forged := one(func(*review.Stored) {})
	stranger := one(func(s *review.Stored) {
		s.Envelope.Sender, s.Verdict.Findings[0].Rules = "x@example.com", []filter.Rule{{Name: "SPF_PASS"}}
	})
	posing := one(func(s *review.Stored) {
		s.Envelope.Sender, s.Verdict.Findings[0].Rules = "carol%example.org@example.com", []filter.Rule{{Name: "SPF_PASS"}}
	})
	got := reported([]review.Stored{reply, ours, forged, stranger, posing, reply}).Wanted // the first one is nobody's answer
	want := []review.Known{{How: review.ByCorrespondent, Count: 1}, {How: filter.ByUser, Count: 1}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAReportHasFewColumnsForAnySpan(t *testing.T) {
	for _, span := range []time.Duration{time.Minute, time.Hour, 25 * time.Hour, 30 * 24 * time.Hour, 40 * 365 * 24 * time.Hour} {
		s := review.NewReport(begun().Add(7*time.Minute), begun().Add(7*time.Minute+span)).Summary()
		last := s.Columns[len(s.Columns)-1].From.Add(time.Duration(s.Step * float64(time.Second)))
		if len(s.Columns) > 72 || last.Before(s.Until) || s.Columns[0].From.After(s.From) {
			t.Errorf("%v: %d columns, from %v to %v", span, len(s.Columns), s.Columns[0].From, last)
		}
	}
}

func TestMemoryHasNothingToDoWithTheNumberOfRecords(t *testing.T) {
	var before, after runtime.MemStats
	r := review.NewReport(begun(), begun().Add(time.Hour))
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 100_000 {
		r.Add(one(func(s *review.Stored) {
			s.Envelope.Client.Addr = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
			s.Envelope.Recipients = []string{fmt.Sprintf("%d@example.net", i)}
			s.Envelope.Client.Authenticated = i%2 == 0
			s.Verdict.Findings[0].Rules = []filter.Rule{{Name: fmt.Sprint("RULE", i)}}
		}))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 20<<20 {
		t.Errorf("%d bytes for 100,000 strangers", grown)
	}
	runtime.KeepAlive(r)
}

func BenchmarkReport(b *testing.B) {
	r := review.NewReport(begun(), begun().Add(7*24*time.Hour))
	all := week(2000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r.Add(all[i%len(all)])
		i++
	}
}

package review_test

import (
	"errors"
	"testing"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/review"
)

func TestUnderTheSamePolicyNothingChanges(t *testing.T) {
	r := review.Replay{Judge: judge(10)}
	all := week(2000)
	for _, s := range all {
		r.Add(s)
	}
	for _, c := range r.Outcome().Changes {
		if c.Changed() {
			t.Errorf("%v became %v, %d times", c.From, c.To, c.Count)
		}
	}
}

func TestALowerLimitRefusesWhatIsBetween(t *testing.T) {
	r := review.Replay{Judge: judge(7), Samples: 3}
	between, newest := 0, ""
	all := week(2000)
	for _, s := range all {
		r.Add(s)
		if v := s.Verdict; v.Scanned() && v.Score >= 7 && v.Score < 10 && len(s.Envelope.Recipients) == 1 && !s.Envelope.Client.Authenticated {
			between++
			newest = s.Envelope.ID
		}
	}
	o := r.Outcome()
	c := o.Changes[0]
	if c.From != filter.Tag || c.To != filter.Reject || c.Count != between || between == 0 {
		t.Fatalf("%d messages are between 7 and 10; counted %+v", between, c)
	}
	if len(c.Samples) != 3 || c.Samples[2].Reference != newest {
		t.Errorf("the newest three end with %s: %+v", newest, c.Samples)
	}
	agree(t, o, len(all))
}

// agree compares the sums with the number of Records.
func agree(t *testing.T, o review.Outcome, records int) {
	t.Helper()
	sum := 0
	for _, c := range o.Changes {
		sum += c.Count
	}
	for _, l := range o.LeftOut {
		sum += l.Count
	}
	if o.Records != records || sum != records {
		t.Errorf("%d records, of which %d were counted; the counts add up to %d", records, o.Records, sum)
	}
}

func TestWhatIsComparedAndWhatIsLeftOut(t *testing.T) {
	spam := func(change func(*review.Stored)) review.Stored {
		s := review.Stored{Recipients: 1, Record: &filter.Record{
			Envelope: filter.Envelope{Recipients: []string{"x@example.net"}},
			Verdict:  policies(10).Decide(filter.Envelope{}, []filter.Finding{{Source: "spamd", Score: 12}}),
		}}
		change(&s)
		return s
	}
	for _, test := range []struct {
		name   string
		change func(*review.Stored)
		replay review.Replay
		from   filter.Action // Undecided: it is left out
		to     filter.Action
		left   string
	}{
		{"what was refused and would not be", func(*review.Stored) {}, review.Replay{Judge: judge(15)}, filter.Reject, filter.Tag, ""},
		{"what was only observed, against enforcing", func(s *review.Stored) { s.Verdict.Action = filter.Tag }, review.Replay{Judge: judge(10)}, filter.Tag, filter.Reject, ""},
		{"what was only observed, against observing", func(s *review.Stored) { s.Verdict.Action = filter.Tag }, review.Replay{Judge: judge(15), Observe: true}, filter.Reject, filter.Tag, ""},
		{"hashed addresses: by the policy's name", func(s *review.Stored) { s.Hashed, s.Verdict.Policy = true, "lenient" }, review.Replay{Judge: judge(10)}, filter.Reject, filter.Tag, ""},
		{
			"hashed addresses, and the policy is gone", func(s *review.Stored) { s.Hashed, s.Verdict.Policy = true, "gone" },
			review.Replay{Judge: judge(10)},
			0, 0, "its addresses are hashed, and its policy is not there any more",
		},
		{"recipients are missing", func(s *review.Stored) { s.Recipients = 2000 }, review.Replay{Judge: judge(10)}, 0, 0, "the journal has not kept all of their recipients"},
		{"no policy decided", func(s *review.Stored) { s.Verdict.Reason = filter.TooBig }, review.Replay{Judge: judge(10)}, 0, 0, "no policy decided about them: too-big"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.replay.Add(spam(test.change))
			o := test.replay.Outcome()
			agree(t, o, 1)
			switch {
			case test.left != "" && (len(o.LeftOut) != 1 || o.LeftOut[0].Why != test.left):
				t.Errorf("got %+v", o)
			case test.left == "" && (len(o.Changes) != 1 || o.Changes[0].From != test.from || o.Changes[0].To != test.to):
				t.Errorf("got %+v", o)
			}
		})
	}
}

func TestASignatureThatNobodyHasLookedForIsCounted(t *testing.T) {
	j := judge(10)
	j.Policies.Default.TagAt = 3
	j.Lists.AcceptSigned = filter.NewRecipients([]string{"example.org"})
	r := review.Replay{Judge: j}
	r.Add(review.Stored{Recipients: 1, Record: &filter.Record{
		Envelope: filter.Envelope{Recipients: []string{"x@example.net"}},
		Verdict:  policies(10).Decide(filter.Envelope{}, []filter.Finding{{Source: "spamd", Score: 4}}),
	}})
	if got := r.Outcome().Signable; got != 1 {
		t.Errorf("got %d", got)
	}
}

func TestAdviceIsAboveWantedMailWhereThereIsLeast(t *testing.T) {
	var r review.Replay
	for _, s := range week(5000) {
		r.Add(s)
	}
	a, err := r.Advise()
	if err != nil {
		t.Fatal(err)
	}
	if a.RejectAt != 8 || a.TagAt < 4 || a.TagAt > 6 || len(a.Why) < 4 {
		t.Errorf("got %+v", a)
	}
}

func TestAdviceIsRefusedOnTooLittle(t *testing.T) {
	for _, test := range []struct {
		name string
		mail []review.Stored
		want string
	}{
		{"nothing", nil, "there is too little to go by: 0 scanned messages, and at least 1000 are needed"},
		{"few messages", week(500), "there is too little to go by: 494 scanned messages, and at least 1000 are needed"},
		{"one day", week(20000)[:2000], "there is too little to go by: mail of 0.7 days, and at least 3 are needed"},
		{"no wanted mail", withoutUsers(week(2000)), "there is too little to go by: 0 scanned messages are known to be wanted (mail of your users, of those to whom they write, and what [lists] accepts), and at least 100 are needed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var r review.Replay
			for _, s := range test.mail {
				r.Add(s)
			}
			_, err := r.Advise()
			if !errors.Is(err, review.ErrTooLittle) || err.Error() != test.want {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
		})
	}
}

func withoutUsers(all []review.Stored) []review.Stored {
	for i := range all {
		all[i].Envelope.Client.Authenticated = false
	}
	return all
}

func TestWantedMailWithHighScoresGetsNoLimit(t *testing.T) {
	all := week(2000)
	for i := range all {
		if all[i].Envelope.Client.Authenticated {
			all[i].Verdict.Score = 25
		}
	}
	var r review.Replay
	for _, s := range all {
		r.Add(s)
	}
	a, err := r.Advise()
	if err != nil || a.RejectAt != 0 || a.TagAt != 8 {
		t.Errorf("got %+v, %v", a, err)
	}
}

func BenchmarkReplay(b *testing.B) {
	r := review.Replay{Judge: judge(7), Samples: 5}
	all := week(2000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r.Add(all[i%len(all)])
		i++
	}
	b.ReportMetric(float64(b.N)/max(b.Elapsed().Seconds(), float64(time.Nanosecond)), "records/s")
}

package status

import (
	"strings"
	"testing"
	"time"

	"proxyfilter/filter"
)

func outcome(id string, a filter.Action, at time.Time) *filter.Record {
	return &filter.Record{
		Time: at, Envelope: filter.Envelope{ID: id, Sender: "a@example.org", Recipients: []string{"b@example.net", "c@example.net"}},
		Verdict: filter.Verdict{Action: a, Would: a, Reason: filter.Score},
	}
}

func TestFailuresOutliveSuccesses(t *testing.T) {
	var r Ring
	now := time.Unix(1.8e9, 0)
	r.Add(outcome("FAILED", filter.Reject, now))
	for range 10 * maxPassed {
		r.Add(outcome("GOOD", filter.Accept, now))
	}
	failures, passed := r.Latest(1000)
	if len(failures) != 1 || failures[0].ID != "FAILED" || len(passed) != maxPassed {
		t.Errorf("%d failures, %d passed", len(failures), len(passed))
	}
	for range 10 * maxFailures {
		r.Add(outcome("NEWER", filter.Defer, now))
	}
	r.Add(outcome("NEWEST", filter.Reject, now))
	failures, _ = r.Latest(1000)
	if len(failures) != maxFailures || failures[0].ID != "NEWEST" || failures[1].ID != "NEWER" {
		t.Errorf("%d failures, first %s", len(failures), failures[0].ID)
	}
	if failures, _ = r.Latest(3); len(failures) != 3 {
		t.Errorf("%d of 3", len(failures))
	}
}

func TestWhatWouldHaveBeenRefusedIsAFailure(t *testing.T) {
	observed := outcome("X", filter.Tag, time.Unix(1.8e9, 0))
	observed.Verdict.Would = filter.Reject
	if row := newRow(observed); !row.Failed || row.Action != "tag (would reject)" {
		t.Errorf("%+v", row)
	}
}

func TestRatesForgetWhatIsOlder(t *testing.T) {
	var r Ring
	start := time.Unix(1.8e9, 0).Truncate(time.Minute)
	r.Add(outcome("1", filter.Accept, start))
	r.Add(outcome("2", filter.Reject, start.Add(5*time.Minute)))
	r.Add(outcome("3", filter.Defer, start.Add(5*time.Minute)))
	for _, test := range []struct {
		after time.Duration
		span  int
		want  Rates
	}{
		{5 * time.Minute, 1, Rates{1, 0, 1, 1}},
		{5 * time.Minute, 10, Rates{10, 1, 1, 1}},
		{10 * time.Minute, 10, Rates{10, 0, 1, 1}},
		{3 * time.Hour, 59, Rates{59, 0, 0, 0}},
	} {
		if got := r.Rates(start.Add(test.after), test.span); got != test.want {
			t.Errorf("after %s: %+v, want %+v", test.after, got, test.want)
		}
	}
	r.Add(outcome("4", filter.Accept, start.Add(time.Hour))) // the same place in the ring
	if got := r.Rates(start.Add(time.Hour), 10); got != (Rates{10, 1, 0, 0}) {
		t.Errorf("an hour later: %+v", got)
	}
}

func TestRowsAreBoundedAndTurnNoLineAround(t *testing.T) {
	rec := outcome("X", filter.Reject, time.Now())
	rec.Subject, rec.Envelope.Sender = "pay \u202egpj.exe\x1b[2J\n", strings.Repeat("ä", 10000)
	row := newRow(rec)
	if row.Subject != "pay ?gpj.exe?[2J?" || len(row.From) > maxShown+8 || row.To != "b@example.net and 1 more" {
		t.Errorf("%+v", row)
	}
}

func TestEveryPageIsMadeWithoutDetailsToo(t *testing.T) {
	row := newRow(outcome("X<b>", filter.Reject, time.Now()))
	for name, n := range map[string]Now{
		"nothing yet": {}, "refused": {NotReady: "<i>why</i>", Emergencies: []string{"PANIC: <i>why</i>"}}, "all": {
			Details: true, Failures: []Row{row}, Passed: []Row{row}, Servers: []Server{{State: "failing"}}, Scores: []Bar{{Refused: true}},
			Outcomes: []Outcome{{Action: "reject"}}, LastMessage: time.Now(),
		}, "figures only": {Failures: []Row{row}, Elsewhere: "unix:/x", Login: "/details"},
	} {
		var b strings.Builder
		if err := WriteNow(&b, n); err != nil || !strings.HasSuffix(strings.TrimSpace(b.String()), "</html>") || strings.Contains(b.String(), "<i>") {
			t.Errorf("%s: %v\n%s", name, err, b.String())
		}
		if strings.Contains(b.String(), "a@example.org") != n.Details {
			t.Errorf("%s: details are %v", name, !n.Details)
		}
	}
	var b strings.Builder
	if err := WriteStory(&b, Story{What: "<b>", Found: []string{"<script>"}}); err != nil || strings.Contains(b.String(), "<script>") {
		t.Error(err, b.String())
	}
	if len(Style()) == 0 {
		t.Error("no style")
	}
}

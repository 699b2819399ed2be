package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/review"
)

// scored are refused, marked and clean messages of the last hour, one for each score.
func scored(scores ...float64) []filter.Record {
	policy := filter.Policy{Name: filter.DefaultPolicy, TagAt: 5, RejectAt: 10}
	var all []filter.Record
	for i, score := range scores {
		r := aRecord()
		r.Time = time.Now().Add(time.Duration(i-len(scores)) * time.Second)
		r.Envelope.ID = filter.Reference(r.Time, uint32(i))
		r.Verdict = policy.Decide([]filter.Finding{{Source: "spamd", Score: score, Limit: 5}})
		all = append(all, r)
	}
	return all
}

func TestReplayCountsWhatAnotherLimitWouldHaveChanged(t *testing.T) {
	records := scored(1, 6, 7.5, 8, 12)
	records[3].Envelope.Client.Local = true // under the policy own: marked at most
	args := append(stored(t, records...), "-o", "policy.reject_at=7", "replay")
	code, out, _ := called("", append(args, "--json")...)
	var answer replayed
	if err := json.Unmarshal([]byte(out), &answer); err != nil || code != exitFine {
		t.Fatalf("exit %d, %v\n%s", code, err, out)
	}
	if c := answer.Changes[0]; c.From != filter.Tag || c.To != filter.Reject || c.Count != 1 || c.Samples[0].Reference != records[2].Envelope.ID {
		t.Errorf("got %+v", c)
	}
	code, out, _ = called("", args...)
	for _, want := range []string{"5 records, ", "\n  marked → refused  1  \n  as before         4  \n", "marked → refused, the newest:\n  " + records[2].Envelope.ID} {
		if !strings.Contains(out, want) || code != exitFine {
			t.Errorf("exit %d; want %q in\n%s", code, want, out)
		}
	}
}

func TestReplayTellsWhyNot(t *testing.T) {
	full := stored(t, scored(1, 6)...)
	empty := stored(t)
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"too little for advice", append(full, "replay", "--advise"), exitNo, "proxyfilter: no advice: there is too little to go by: 2 scanned messages, and at least 1000 are needed\n"},
		{"nothing of that time", append(full, "replay", "--until", "1d"), exitNo, "proxyfilter: the journal has nothing from "},
		{"nothing at all", append(empty, "replay"), exitNo, "proxyfilter: the journal has nothing from "},
		{"no time", append(full, "replay", "--since", "x"), exitUsage, `proxyfilter: --since: "x" is not a time`},
		{"backwards", append(full, "replay", "--since", "1d", "--until", "2d"), exitUsage, "proxyfilter: --since "},
		{"too many samples", append(full, "replay", "--samples", "1001"), exitUsage, "proxyfilter: --samples 1001 is not from 0 to 1000\n"},
		{"a wrong limit", append(full, "-o", "policy.reject_at=x", "replay"), exitUsage, "policy.reject_at"},
		{"no journal", []string{"-o", "journal.dir=/nonexistent", "replay"}, exitTemporary, "proxyfilter: there is no journal: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, out, told := called("", test.args...)
			if code != test.code || out != "" || !strings.Contains(told, test.want) {
				t.Errorf("exit %d, want %d; printed %q; told %q, want %q", code, test.code, out, told, test.want)
			}
		})
	}
}

func TestAReplayIsTold(t *testing.T) {
	at := time.Date(2026, 11, 26, 5, 36, 2, 0, time.Local)
	answer := replayed{
		From: at.Add(-time.Hour), Until: at, Observe: true,
		Outcome: review.Outcome{
			Records: 1000,
			Changes: []review.Change{
				{From: filter.Tag, To: filter.Reject, Count: 17, Wanted: 2, Samples: []review.Sample{
					{Reference: "1JD3K8M7Q2XA", Time: at, Score: 8.2, Sender: "a\x1b[2J@b", Recipient: "c@d", Wanted: "sender"},
				}},
				{From: filter.Accept, To: filter.Accept, Count: 980},
			},
			LeftOut:  []review.Left{{Why: "no policy decided about them: gone", Count: 3}},
			Signable: 4,
		},
	}
	var b strings.Builder
	if err := answer.print(&b); err != nil {
		t.Fatal(err)
	}
	want := `1000 records, 26 Nov 2026 04:36 to 26 Nov 2026 05:36.
The policy only observes: this is what it would have done.

  marked → refused  17   2 of them are known to be wanted
  as before         980  

Not decided about again:
  3: no policy decided about them: gone

4 of the messages that would be marked or refused now would first have been looked at
for a signature of lists.accept_signed. Whether they bear one is not in the journal.

marked → refused, the newest:
  1JD3K8M7Q2XA  2026-11-26 05:36:02  8.2  <a?[2J@b> to <c@d>  wanted: a sender of lists.accept_senders
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAdviceIsALineForTheFileAndReasons(t *testing.T) {
	var b strings.Builder
	if err := printAdvice(&b, review.Advice{TagAt: 5, RejectAt: 8.5, Why: []string{"Because."}}); err != nil {
		t.Fatal(err)
	}
	want := "[policy]\ntag_at    = 5.0\nreject_at = 8.5\n\n# Because.\n\nSee what it would have done: proxyfilter replay -o policy.tag_at=5.0 -o policy.reject_at=8.5\n"
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}

func TestTheBarFitsALine(t *testing.T) {
	now := time.Now()
	p := progress{from: now.Add(-time.Hour), to: now, begun: now.Add(-10 * time.Second), records: 1_000_000}
	if got, want := p.bar(now.Add(-30*time.Minute), now), "[###############...............]  50 %  1000000 records, 100000 a second "; got != want {
		t.Errorf("got %q", got)
	}
}

func TestAMomentIsADateOrSoLongAgo(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.Local)
	for text, want := range map[string]time.Time{
		"2026-11-20":       time.Date(2026, 11, 20, 0, 0, 0, 0, time.Local),
		"2026-11-20 14:30": time.Date(2026, 11, 20, 14, 30, 0, 0, time.Local),
		"36h":              now.Add(-36 * time.Hour),
		"7d":               now.Add(-7 * 24 * time.Hour),
	} {
		if got, err := parseMoment(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
}

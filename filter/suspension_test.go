package filter_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"proxyfilter/filter"
)

func TestSuspendedRefusals(t *testing.T) {
	infected := filter.Finding{Source: "clamd", Viruses: true, Advice: filter.Reject, Text: "no"}
	unsearched := failedBy(filter.CauseUnreachable, 0)
	unsearched.Viruses = true
	refused := filter.Finding{Source: "lists", Advice: filter.Reject, Labels: []string{filter.Listed, "refuse_clients 192.0.2.1"}}
	for _, test := range []struct {
		name     string
		policy   filter.Policy
		findings []filter.Finding
		instead  filter.Action
		action   filter.Action
		reason   filter.Reason
	}{
		{"spam is put off", filter.Policy{RejectAt: 9}, []filter.Finding{scored(9)}, filter.Defer, filter.Defer, filter.Emergency},
		{"spam is marked", filter.Policy{RejectAt: 9}, []filter.Finding{scored(9)}, filter.Tag, filter.Tag, filter.Score},
		{"a listed client is put off", filter.Policy{}, []filter.Finding{refused}, filter.Defer, filter.Defer, filter.Emergency},
		{"a listed client is marked", filter.Policy{}, []filter.Finding{refused}, filter.Tag, filter.Tag, filter.Advice},
		{"spam in which nobody has searched for viruses waits", filter.Policy{RejectAt: 9}, []filter.Finding{scored(30), unsearched}, filter.Tag, filter.Defer, filter.Unscanned},
		{"a listed client whom nobody has scanned waits", filter.Policy{}, []filter.Finding{refused, failedBy(filter.CauseUnreachable, 0)}, filter.Tag, filter.Defer, filter.Unscanned},
		{"a virus that is marked is marked as one", filter.Policy{RejectAt: 9, TagViruses: true}, []filter.Finding{scored(30), infected}, filter.Tag, filter.Tag, filter.Virus},
		{"a virus is never let in", filter.Policy{}, []filter.Finding{scored(0), infected}, filter.Tag, filter.Defer, filter.Emergency},
		{"what is not refused stays as it is: tagged", filter.Policy{RejectAt: 9}, []filter.Finding{scored(6)}, filter.Defer, filter.Tag, filter.Score},
		{"what is not refused stays as it is: clean", filter.Policy{RejectAt: 9}, []filter.Finding{scored(1)}, filter.Tag, filter.Accept, filter.Clean},
		{"what is not refused stays as it is: put off", filter.Policy{}, []filter.Finding{failedBy(filter.CauseTimeout, 0)}, filter.Tag, filter.Defer, filter.Unscanned},
		{"a policy that observes refuses nothing anyway", filter.Policy{Mode: filter.Observe, RejectAt: 9}, []filter.Finding{scored(9)}, filter.Defer, filter.Tag, filter.Score},
		{"nothing is suspended", filter.Policy{RejectAt: 9}, []filter.Finding{scored(9)}, filter.Undecided, filter.Reject, filter.Score},
		{"accepting is no suspension", filter.Policy{RejectAt: 9}, []filter.Finding{scored(9)}, filter.Accept, filter.Reject, filter.Score},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := filter.Judge{Policies: filter.Policies{Default: test.policy}, Suspended: func() filter.Suspension { return filter.Suspension{By: filter.PanicName, Instead: test.instead} }}
			for _, f := range test.findings {
				if f.Viruses {
					j.Viruses = append(j.Viruses, speaks(f))
				} else {
					j.Scanners = append(j.Scanners, speaks(f))
				}
			}
			v := j.Weigh(context.Background(), filter.Message{})
			if v.Action != test.action || v.Reason != test.reason {
				t.Errorf("%v because of %s, want %v because of %s", v.Action, v.Reason, test.action, test.reason)
			}
			if again := test.policy.Decide(v.Findings); again.Action != v.Action || again.Reason != v.Reason {
				t.Errorf("the same findings give %v because of %s", again.Action, again.Reason)
			}
		})
	}
}

// speaks is a scanner with one answer.
type speaks filter.Finding

func (s speaks) Name() string { return s.Source }

func (s speaks) Scan(context.Context, filter.Message) (filter.Finding, error) {
	f := filter.Finding(s)
	if f.Cause != "" {
		return f, &filter.Failure{Cause: f.Cause, Blind: f.Blind}
	}
	return f, nil
}

func TestNothingIsRefusedWhileRefusalsAreSuspended(t *testing.T) {
	drawn(t, func(t *rapid.T, p filter.Policy, findings []filter.Finding) {
		instead := rapid.SampledFrom([]filter.Action{filter.Defer, filter.Tag}).Draw(t, "instead")
		f := filter.Suspension{By: filter.PanicName, Instead: instead}.Finding()
		before, after := p.Decide(findings), p.Decide(append(findings[:len(findings):len(findings)], f))
		switch {
		case after.Action == filter.Reject || after.Would == filter.Reject:
			t.Fatalf("%v, would %v", after.Action, after.Would)
		case before.Would != filter.Reject && (after.Action != before.Action || after.Reason != before.Reason):
			t.Fatalf("%v became %v, though nothing was refused", before.Action, after.Action)
		case after.Action == filter.Defer && (after.Reason == filter.Unscanned || after.Reason == filter.Busy): // as any mail
		case before.Action == filter.Reject && before.Reason != filter.Virus && after.Action != instead:
			t.Fatalf("a refusal became %v, want %v", after.Action, instead)
		case before.Unscanned() != after.Unscanned():
			t.Fatal("the suspension counts as somebody's answer")
		}
	})
}

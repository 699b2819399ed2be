package filter_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"proxyfilter/filter"
)

// unwell is that scores cannot be trusted.
func unwell() filter.Suspension {
	return filter.Suspension{By: filter.HealthName, Instead: filter.Tag, Why: "lists refuse to answer"}
}

func TestRefusalsForScoresThatCannotBeTrusted(t *testing.T) {
	refused := filter.Finding{Source: "lists", Advice: filter.Reject, Labels: []string{filter.Listed, "refuse_clients 192.0.2.1"}}
	infected := filter.Finding{Source: "clamd", Viruses: true, Advice: filter.Reject, Text: "no"}
	for _, test := range []struct {
		name     string
		policy   filter.Policy
		findings []filter.Finding
		action   filter.Action
		told     bool // in the record
	}{
		{"spam by score is marked", filter.Policy{RejectAt: 9}, []filter.Finding{scored(9)}, filter.Tag, true},
		{"a policy may ignore it", filter.Policy{RejectAt: 9, IgnoreHealth: true}, []filter.Finding{scored(9)}, filter.Reject, false},
		{"a listed client is refused", filter.Policy{}, []filter.Finding{refused}, filter.Reject, false},
		{"a virus is refused", filter.Policy{}, []filter.Finding{scored(0), infected}, filter.Reject, false},
		{"what is marked anyway", filter.Policy{RejectAt: 9}, []filter.Finding{scored(6)}, filter.Tag, false},
		{"what is clean", filter.Policy{RejectAt: 9}, []filter.Finding{scored(1)}, filter.Accept, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := filter.Judge{Policies: filter.Policies{Default: test.policy}, Suspended: unwell}
			for _, f := range test.findings {
				if f.Viruses {
					j.Viruses = append(j.Viruses, speaks(f))
				} else {
					j.Scanners = append(j.Scanners, speaks(f))
				}
			}
			v := j.Weigh(context.Background(), filter.Message{})
			if v.Action != test.action || v.Suspended().Lasts() != test.told || test.told && v.Suspended() != unwell() {
				t.Errorf("%v, suspended %+v", v.Action, v.Suspended())
			}
			if again := test.policy.Decide(v.Findings); again.Action != v.Action || again.Reason != v.Reason {
				t.Errorf("the same findings give %v because of %s", again.Action, again.Reason)
			}
		})
	}
}

func TestAListIsHeardUnscannedThoughScoresCannotBeTrusted(t *testing.T) {
	scanned := false
	j := filter.Judge{
		Lists:     filter.Lists{RefuseSenders: filter.NewRecipients([]string{"a@example.org"})},
		Scanners:  []filter.Scanner{asking{&scanned}},
		Suspended: unwell,
	}
	v := j.Weigh(context.Background(), filter.Message{Envelope: filter.Envelope{Sender: "a@example.org", Recipients: []string{"b@example.net"}}})
	if v.Action != filter.Reject || scanned || v.Suspended().Lasts() {
		t.Errorf("%v, scanned: %t, %+v", v.Action, scanned, v.Suspended())
	}
}

// asking notes that it was asked.
type asking struct{ asked *bool }

func (a asking) Name() string { return "spamd" }

func (a asking) Scan(context.Context, filter.Message) (filter.Finding, error) {
	*a.asked = true
	return filter.Finding{}, nil
}

func TestScoresThatCannotBeTrustedChangeNothingButRefusalsByScore(t *testing.T) {
	drawn(t, func(t *rapid.T, p filter.Policy, findings []filter.Finding) {
		before, after := p.Decide(findings), p.Decide(append(findings[:len(findings):len(findings)], unwell().Finding()))
		spared := before.Would == filter.Reject && before.Reason == filter.Score && !p.IgnoreHealth
		marked := after.Would == filter.Tag && (after.Reason == filter.Score || after.Reason == filter.Virus && p.TagViruses)
		unsearched := after.Would == filter.Defer && (after.Reason == filter.Unscanned || after.Reason == filter.Busy) && p.OnVirusScanFailure != filter.Accept
		switch {
		case spared && !marked && !unsearched:
			t.Fatalf("%v because of %s", after.Would, after.Reason)
		case !spared && (after.Action != before.Action || after.Would != before.Would || after.Reason != before.Reason):
			t.Fatalf("%v because of %s became %v because of %s", before.Would, before.Reason, after.Would, after.Reason)
		}
	})
}

package filter_test

import (
	"context"
	"strings"
	"testing"

	"proxyfilter/filter"
)

func TestMailOfAListIsTaggedBelowALimitOfItsOwn(t *testing.T) {
	ten := filter.Policy{RejectAt: 10}
	for _, test := range []struct {
		name   string
		policy filter.Policy
		list   string
		scan   filter.Finding
		action filter.Action
		would  filter.Action
		asked  int
	}{
		{"above reject_at", ten, "roses.example.org", scored(10), filter.Tag, filter.Tag, 1},
		{"just below its own limit", ten, "roses.example.org", scored(14.9), filter.Tag, filter.Tag, 1},
		{"from its own limit on nobody looks", ten, "roses.example.org", scored(15), filter.Reject, filter.Reject, 0},
		{"below reject_at nobody looks", ten, "roses.example.org", scored(9.9), filter.Tag, filter.Tag, 0},
		{"no list", ten, "", scored(10), filter.Reject, filter.Reject, 1},
		{"a limit that is written", filter.Policy{RejectAt: 10, ListsRejectAt: 20}, "roses.example.org", scored(19), filter.Tag, filter.Tag, 1},
		{"a limit that makes no difference", filter.Policy{RejectAt: 10, ListsRejectAt: 10}, "roses.example.org", scored(10), filter.Reject, filter.Reject, 0},
		{"a limit below reject_at lowers nothing", filter.Policy{RejectAt: 10, ListsRejectAt: 6}, "roses.example.org", scored(9), filter.Tag, filter.Tag, 0},
		{"a policy that refuses nothing", filter.Policy{}, "roses.example.org", scored(99), filter.Tag, filter.Tag, 0},
		{"a policy that tags at most", filter.Policy{RejectAt: 10, TagOnly: true}, "roses.example.org", scored(11), filter.Tag, filter.Tag, 0},
		{"a policy that observes", filter.Policy{RejectAt: 10, Mode: filter.Observe}, "roses.example.org", scored(11), filter.Tag, filter.Tag, 1},
		{"a virus", ten, "roses.example.org", advice(filter.Reject, "virus"), filter.Reject, filter.Reject, 0},
		{"nobody could scan", ten, "roses.example.org", failedBy(filter.CauseTimeout, 0), filter.Defer, filter.Defer, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked := 0
			judge := filter.Judge{
				Scanners: []filter.Scanner{&says{finding: test.scan}}, Policies: filter.Policies{Default: test.policy},
				MailingList: func(context.Context, filter.Content) (string, bool) {
					asked++
					return test.list, test.list != ""
				},
			}
			e := filter.Envelope{Recipients: []string{"a@example.org"}}
			v := judge.Weigh(t.Context(), filter.Message{Envelope: e, Content: strings.NewReader("x")})
			consistent(t, v)
			if v.Action != test.action || v.Would != test.would || asked != test.asked {
				t.Errorf("got %v, would %v, after %d questions", v.Action, v.Would, asked)
			}
			spared := asked > 0 && test.list != ""
			if last := v.Findings[len(v.Findings)-1]; (last.MailingList() == "roses.example.org") != spared {
				t.Errorf("findings %+v", v.Findings)
			}
			if again := judge.Policies.Decide(e, v.Findings); again.Action != v.Action {
				t.Errorf("the same findings give %v", again.Action)
			}
		})
	}
}

func TestMailOfAListForSeveralPolicies(t *testing.T) {
	s := filter.NewSelection([]filter.Scope{
		{Policy: filter.Policy{Name: "strict", RejectAt: 6, ListsRejectAt: 6}, Recipients: []string{"strict@example.org"}},
		{Policy: filter.Policy{Name: "milder", RejectAt: 10}, Recipients: []string{"milder@example.org"}},
	}, "")
	for mixed, want := range map[filter.Mixed]filter.Action{filter.Lenient: filter.Tag, filter.Strict: filter.Reject} {
		judge := filter.Judge{
			Scanners: []filter.Scanner{&says{finding: scored(12)}}, Policies: filter.Policies{Selection: s, Mixed: mixed},
			MailingList: func(context.Context, filter.Content) (string, bool) { return "roses.example.org", true },
		}
		e := filter.Envelope{Recipients: []string{"strict@example.org", "milder@example.org"}}
		if v := judge.Weigh(t.Context(), filter.Message{Envelope: e, Content: strings.NewReader("x")}); v.Action != want {
			t.Errorf("mixed %v: %v", mixed, v.Action)
		}
	}
}

package filter_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"proxyfilter/filter"
)

// under gives each of the recipients a@example.org, b@… a policy of its own.
func under(mixed filter.Mixed, policies ...filter.Policy) (filter.Policies, filter.Envelope) {
	var scopes []filter.Scope
	var e filter.Envelope
	for i, p := range policies {
		to := string(rune('a'+i)) + "@example.org"
		if p.Name == "" {
			p.Name = to
		}
		scopes = append(scopes, filter.Scope{Policy: p, Recipients: []string{to}})
		e.Recipients = append(e.Recipients, to)
	}
	return filter.Policies{Mixed: mixed, Selection: filter.NewSelection(scopes, "")}, e
}

func TestThreePoliciesGiveOneAnswer(t *testing.T) {
	actions := []filter.Action{filter.Undecided, filter.Accept, filter.Tag, filter.Defer, filter.Reject}
	for _, a := range actions {
		for _, b := range actions {
			for _, c := range actions {
				all := []filter.Action{a, b, c}
				has := func(x filter.Action) bool { return slices.Contains(all, x) }
				for _, mixed := range []filter.Mixed{filter.Lenient, filter.Strict, filter.Split} {
					want := filter.Accept
					switch {
					case has(filter.Defer) || has(filter.Undecided):
						want = filter.Defer
					case a == filter.Reject && b == a && c == a, mixed == filter.Strict && has(filter.Reject):
						want = filter.Reject
					case has(filter.Tag) || has(filter.Reject):
						want = filter.Tag
					}
					if got := mixed.Combine(all...); got != want {
						t.Errorf("%v of %d became %v, want %v", all, mixed, got, want)
					}
				}
			}
		}
	}
	if got := filter.Lenient.Combine(); got != filter.Defer {
		t.Errorf("nobody's opinion is %v", got)
	}
}

func TestMixedRecipients(t *testing.T) {
	strict, open, never := filter.Policy{RejectAt: 8}, filter.Policy{TagAt: 20, RejectAt: 30}, filter.Policy{TagAt: 5}
	watch := filter.Policy{RejectAt: 8, Mode: filter.Observe}
	blind := filter.Policy{OnScanFailure: filter.Accept}
	spam, broken := []filter.Finding{scored(9)}, []filter.Finding{failedBy(filter.CauseBroken, 0)}
	for _, test := range []struct {
		name          string
		mixed         filter.Mixed
		policies      []filter.Policy
		findings      []filter.Finding
		action, would filter.Action
		policy        string
		overruled     bool
	}{
		{"lenient: one who accepts saves it for all", filter.Lenient, []filter.Policy{strict, open}, spam, filter.Tag, filter.Tag, "a@example.org", true},
		{"lenient: one who tags does too", filter.Lenient, []filter.Policy{strict, never, open}, spam, filter.Tag, filter.Tag, "b@example.org", true},
		{"lenient: all refuse", filter.Lenient, []filter.Policy{strict, strict}, spam, filter.Reject, filter.Reject, "a@example.org", false},
		{"lenient: who tags marks it for all", filter.Lenient, []filter.Policy{open, never}, spam, filter.Tag, filter.Tag, "b@example.org", false},
		{"lenient: nobody minds", filter.Lenient, []filter.Policy{open, open}, spam, filter.Accept, filter.Accept, "a@example.org", false},
		{"strict: one refuses for all", filter.Strict, []filter.Policy{open, strict}, spam, filter.Reject, filter.Reject, "b@example.org", false},
		{"strict: nobody refuses", filter.Strict, []filter.Policy{open, never}, spam, filter.Tag, filter.Tag, "b@example.org", false},
		{"split that is mixed all the same is lenient", filter.Split, []filter.Policy{open, strict}, spam, filter.Tag, filter.Tag, "b@example.org", true},
		{"who defers defers for all", filter.Lenient, []filter.Policy{blind, strict}, broken, filter.Defer, filter.Defer, "b@example.org", false},
		{"under strict as well", filter.Strict, []filter.Policy{blind, strict}, broken, filter.Defer, filter.Defer, "b@example.org", false},
		{"who observes refuses nobody", filter.Lenient, []filter.Policy{strict, watch}, spam, filter.Tag, filter.Reject, "b@example.org", true},
		{"strict: who observes refuses nobody", filter.Strict, []filter.Policy{open, watch}, spam, filter.Tag, filter.Reject, "b@example.org", false},
		{"strict: who observes saves nobody", filter.Strict, []filter.Policy{watch, strict}, spam, filter.Reject, filter.Reject, "b@example.org", false},
		{"who observes defers nobody", filter.Lenient, []filter.Policy{blind, {Mode: filter.Observe}}, broken, filter.Accept, filter.Defer, "a@example.org", false},
		{"but is deferred with others", filter.Lenient, []filter.Policy{{Mode: filter.Observe}, {}}, broken, filter.Defer, filter.Defer, "b@example.org", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			policies, e := under(test.mixed, test.policies...)
			v := policies.Decide(e, test.findings)
			if v.Action != test.action || v.Would != test.would || v.Policy != test.policy || v.Overruled() != test.overruled {
				t.Errorf("got %v (would %v) by %s, overruled %v", v.Action, v.Would, v.Policy, v.Overruled())
			}
			consistent(t, v)
			for i, o := range v.Opinions {
				alone := policies.For(e, e.Recipients[i]).Policy.Decide(test.findings)
				want := filter.Opinion{Policy: e.Recipients[i], Recipients: e.Recipients[i : i+1], Action: alone.Action, Would: alone.Would, TagAt: alone.TagAt, RejectAt: alone.RejectAt, Reason: alone.Reason}
				if !reflect.DeepEqual(o, want) {
					t.Errorf("opinion %+v, want %+v", o, want)
				}
			}
		})
	}
}

// consistent are the things that hold for every verdict on its way to a reply.
func consistent(t *testing.T, v filter.Verdict) {
	t.Helper()
	marked := slices.ContainsFunc(v.Fields, func(f filter.Field) bool { return f.Name == "X-Spam-Flag" })
	switch {
	case v.Action == filter.Undecided || v.Would == filter.Undecided:
		t.Fatalf("undecided: %+v", v)
	case v.Action == filter.Reject && v.Text == "":
		t.Fatalf("refused without a word: %+v", v)
	case v.Action.Passes() && v.Text != "":
		t.Fatalf("carried with a refusal %q", v.Text)
	case !v.Action.Passes() && v.Fields != nil:
		t.Fatalf("fields for mail that goes nowhere: %v", v.Fields)
	case marked && v.Action != filter.Tag:
		t.Fatalf("%v is marked: %v", v.Action, v.Fields)
	}
}

func TestOnePolicyForAllHasNoOpinions(t *testing.T) {
	policies, e := under(filter.Lenient, filter.Policy{Name: "one", RejectAt: 8}, filter.Policy{Name: "one", RejectAt: 8})
	v := policies.Decide(e, []filter.Finding{scored(9)})
	if v.Action != filter.Reject || v.Policy != "one" || v.Opinions != nil {
		t.Errorf("got %+v", v)
	}
}

func TestOneCopyHasTheFieldsThatAnyRecipientWants(t *testing.T) {
	for _, test := range []struct {
		name   string
		second filter.Headers
		score  float64
		fields int
	}{
		{"none and all", filter.HeadersAll, 1, 3},
		{"none and tagged, of clean mail", filter.HeadersTagged, 1, 0},
		{"none and tagged, of tagged mail", filter.HeadersTagged, 6, 4},
		{"none and none", filter.HeadersNone, 6, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			policies, e := under(filter.Lenient, filter.Policy{Headers: filter.HeadersNone}, filter.Policy{Headers: test.second})
			if v := policies.Decide(e, []filter.Finding{scored(test.score)}); len(v.Fields) != test.fields {
				t.Errorf("got %v", v.Fields)
			}
		})
	}
}

func TestSplitAsksForRecipientsOfOnePolicy(t *testing.T) {
	one, other := filter.Policy{Name: "one"}, filter.Policy{Name: "other"}
	policies, e := under(filter.Split, one, other, one)
	for i, apart := range []bool{false, true, false} {
		if got := policies.Apart(filter.Envelope{Recipients: e.Recipients[:1]}, e.Recipients[i]); got != apart {
			t.Errorf("%s: %v", e.Recipients[i], got)
		}
		if policies.Apart(filter.Envelope{}, e.Recipients[i]) {
			t.Errorf("%s is apart from nobody", e.Recipients[i])
		}
	}
	policies.Mixed = filter.Strict
	if policies.Apart(filter.Envelope{Recipients: e.Recipients[:1]}, e.Recipients[1]) {
		t.Error("strict splits")
	}
}

// TestAMillionMessages: whatever the recipients, their policies and the findings
// are, there is one answer, it is right for each recipient, and nobody loses a
// message silently.
func TestAMillionMessages(t *testing.T) {
	messages := 1_000_000
	if testing.Short() || raceDetector {
		messages /= 50
	}
	r := rand.New(rand.NewPCG(4, 2))
	for done := 0; done < messages; {
		policies, recipients := randomPolicies(r)
		for range 500 {
			done++
			e := filter.Envelope{Client: filter.Client{Local: r.IntN(20) == 0}}
			for range r.IntN(5) {
				e.Recipients = append(e.Recipients, recipients[r.IntN(len(recipients))])
			}
			v := policies.Decide(e, randomFindings(r))
			consistent(t, v)
			answersEverybody(t, policies, e, v)
		}
	}
}

// answersEverybody asks each recipient's policy by itself.
func answersEverybody(t *testing.T, policies filter.Policies, e filter.Envelope, v filter.Verdict) {
	t.Helper()
	refusals, deferrals, enforcing := 0, 0, map[string]bool{}
	for _, to := range e.Recipients {
		p := policies.For(e, to).Policy
		alone := p.Decide(v.Findings)
		enforcing[p.Name] = true
		switch alone.Action {
		case filter.Reject:
			refusals++
		case filter.Defer:
			deferrals++
		}
		if !opinion(v, p.Name, to) {
			t.Fatalf("the policy %s of %s has no say in %+v", p.Name, to, v)
		}
	}
	n := len(e.Recipients)
	switch {
	case (v.Action == filter.Defer) != (deferrals > 0) && n > 0:
		t.Fatalf("%d deferrals became %v", deferrals, v.Action)
	case n == 0 || deferrals > 0:
	case policies.Mixed == filter.Strict && (v.Action == filter.Reject) != (refusals > 0):
		t.Fatalf("strict made %v of %d refusals", v.Action, refusals)
	case policies.Mixed != filter.Strict && (v.Action == filter.Reject) != (refusals == n):
		t.Fatalf("lenient made %v of %d refusals among %d", v.Action, refusals, n)
	case refusals > 0 && v.Action == filter.Accept:
		t.Fatalf("passed unmarked: %+v", v)
	}
	if len(v.Opinions) != len(enforcing) && len(enforcing) > 1 {
		t.Fatalf("%d opinions of %d policies", len(v.Opinions), len(enforcing))
	}
}

// opinion reports whether the verdict shows the policy and its recipient.
func opinion(v filter.Verdict, policy, recipient string) bool {
	if v.Opinions == nil {
		return v.Policy == policy
	}
	return slices.ContainsFunc(v.Opinions, func(o filter.Opinion) bool {
		return o.Policy == policy && slices.Contains(o.Recipients, recipient)
	})
}

func randomPolicies(r *rand.Rand) (filter.Policies, []string) {
	forwarded := filter.NewRecipients([]string{"u1@example.org", "*.example.net"})
	policy := func(name string) filter.Policy {
		return filter.Policy{
			Name: name, Mode: filter.Mode(r.IntN(2)), TagAt: float64(r.IntN(3) * 4), RejectAt: float64(r.IntN(4) * 5),
			TagOnly: r.IntN(8) == 0, OnScanFailure: filter.Action(r.IntN(5)), OnBusy: filter.Action(r.IntN(5)),
			Headers: filter.Headers(r.IntN(3)), Forwarded: forwarded, ForwardedRejectAt: float64(r.IntN(3) * 3),
		}
	}
	var scopes []filter.Scope
	var recipients []string
	for i := range 1 + r.IntN(4) {
		to := fmt.Sprintf("u%d@example.org", i)
		recipients = append(recipients, to, fmt.Sprintf("u@mx%d.example.net", i))
		scopes = append(scopes, filter.Scope{Policy: policy(fmt.Sprint("p", i)), Recipients: []string{to, fmt.Sprintf("mx%d.example.net", i)}})
	}
	return filter.Policies{
		Default: policy(filter.DefaultPolicy), Mixed: filter.Mixed(r.IntN(3)), Selection: filter.NewSelection(scopes, "+"),
	}, append(recipients, "other@example.com")
}

func randomFindings(r *rand.Rand) []filter.Finding {
	var all []filter.Finding
	for range r.IntN(3) {
		f := filter.Finding{Source: "x", Score: r.Float64()*30 - 5, Limit: 5}
		switch r.IntN(12) {
		case 0:
			f.Cause = filter.Causes()[r.IntN(len(filter.Causes()))]
		case 1:
			f.Advice = filter.Action(r.IntN(5))
		case 2:
			f.Labels = []string{filter.Truncated, filter.Signed}
		}
		all = append(all, f)
	}
	return all
}

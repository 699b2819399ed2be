package filter_test

import (
	"context"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"proxyfilter/filter"
)

// customers is a map with its answers, by recipient.
type customers map[string]filter.Assignment

func (c customers) Assign(_ context.Context, recipients []string) (all []filter.Assignment) {
	for _, r := range recipients {
		if a, known := c[r]; known {
			a.Recipient = r
			all = append(all, a)
		}
	}
	return all
}

// preferences is a scanner that keeps the mailbox.
type preferences struct{ mailbox string }

func (*preferences) Name() string { return "spamd" }

func (p *preferences) Scan(_ context.Context, m filter.Message) (filter.Finding, error) {
	p.mailbox = m.Mailbox
	return scored(9), nil
}

// policiesOf are three: gold takes what the others refuse.
func policiesOf(onFailure filter.Action) filter.Policies {
	gold := filter.Policy{Name: "gold", RejectAt: 20}
	iron := filter.Policy{Name: "iron", RejectAt: 6}
	return filter.Policies{
		Default:      filter.Policy{Name: filter.DefaultPolicy, RejectAt: 8},
		Named:        map[string]filter.Policy{"gold": gold, "iron": iron},
		Selection:    filter.NewSelection([]filter.Scope{{Policy: iron, Recipients: []string{"listed.example"}}}, ""),
		Listeners:    map[string]filter.Policy{"door": {Name: "pinned", RejectAt: 30}},
		OnMapFailure: onFailure,
	}
}

func TestTheMapChoosesThePolicy(t *testing.T) {
	away := filter.Assignment{Err: "nobody answers"}
	for _, test := range []struct {
		name      string
		envelope  filter.Envelope
		customers customers
		onFailure filter.Action
		policy    string
		action    filter.Action
		reason    filter.Reason
		mailbox   string
	}{
		{"a customer", filter.Envelope{}, customers{"a": {Policy: "gold", Mailbox: "anna"}}, filter.Accept, "gold", filter.Tag, filter.Score, "anna"},
		{"it goes before the lists of policies", filter.Envelope{Recipients: []string{"a@listed.example"}}, customers{"a@listed.example": {Policy: "gold"}}, filter.Accept, "gold", filter.Tag, filter.Score, ""},
		{"nobody that it knows", filter.Envelope{}, customers{"b": {Policy: "gold"}}, filter.Accept, "default", filter.Reject, filter.Score, ""},
		{"nobody that it knows, and one that is listed", filter.Envelope{Recipients: []string{"a@listed.example"}}, customers{}, filter.Accept, "iron", filter.Reject, filter.Score, ""},
		{"a policy that does not exist", filter.Envelope{}, customers{"a": {Policy: "golden", Mailbox: "anna"}}, filter.Accept, "default", filter.Reject, filter.Score, "anna"},
		{"an old answer", filter.Envelope{}, customers{"a": {Policy: "gold", Stale: true}}, filter.Defer, "gold", filter.Tag, filter.Score, ""},
		{"no answer: a refusal is a guess, and waits", filter.Envelope{}, customers{"a": away}, filter.Accept, "default/unmapped", filter.Defer, filter.Unmapped, ""},
		{"no answer, and all mail is to wait", filter.Envelope{}, customers{"a": away}, filter.Defer, "default/unmapped", filter.Defer, filter.Unmapped, ""},
		{"a listener with a policy for all its mail", filter.Envelope{Listener: "door"}, customers{"a": away}, filter.Defer, "pinned", filter.Tag, filter.Score, ""},
		{"one's own mail", filter.Envelope{Client: filter.Client{Authenticated: true}}, customers{"a": away}, filter.Defer, "own", filter.Tag, filter.Score, ""},
		{"local mail", filter.Envelope{Client: filter.Client{Local: true}}, customers{"a": {Policy: "iron"}}, filter.Defer, "own", filter.Tag, filter.Score, ""},
		{"two, of one mailbox", filter.Envelope{Recipients: []string{"a", "b"}}, customers{"a": {Policy: "gold", Mailbox: "anna"}, "b": {Policy: "gold", Mailbox: "anna"}}, filter.Accept, "gold", filter.Tag, filter.Score, "anna"},
		{"two, of two", filter.Envelope{Recipients: []string{"a", "b"}}, customers{"a": {Policy: "gold", Mailbox: "anna"}, "b": {Policy: "gold", Mailbox: "ben"}}, filter.Accept, "gold", filter.Tag, filter.Score, ""},
		{"two, one without", filter.Envelope{Recipients: []string{"a", "b"}}, customers{"b": {Policy: "gold", Mailbox: "ben"}}, filter.Accept, "gold", filter.Tag, filter.Score, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.envelope.Recipients == nil {
				test.envelope.Recipients = []string{"a"}
			}
			scanner := &preferences{}
			judge := filter.Judge{Scanners: []filter.Scanner{scanner}, Policies: policiesOf(test.onFailure), Map: test.customers}
			v := judge.Weigh(t.Context(), filter.Message{Envelope: test.envelope, Content: strings.NewReader("x")})
			if v.Action != test.action || v.Reason != test.reason || v.Policy != test.policy || scanner.mailbox != test.mailbox {
				t.Errorf("got %v, %v under %s, for the mailbox %q", v.Action, v.Reason, v.Policy, scanner.mailbox)
			}
			if again := judge.Policies.Decide(test.envelope, v.Findings); again.Action != v.Action || again.Policy != v.Policy {
				t.Errorf("the same findings give %v under %s", again.Action, again.Policy)
			}
		})
	}
}

func TestWithoutTheMapCleanMailGoesOn(t *testing.T) {
	for onFailure, want := range map[filter.Action]filter.Action{filter.Accept: filter.Accept, filter.Defer: filter.Defer, filter.Undecided: filter.Defer} {
		judge := filter.Judge{
			Scanners: []filter.Scanner{&says{finding: scored(1)}}, Policies: policiesOf(onFailure),
			Map: customers{"a": {Err: "nobody answers"}},
		}
		v := judge.Weigh(t.Context(), filter.Message{Envelope: filter.Envelope{Recipients: []string{"a"}}})
		if v.Action != want || v.Unscanned() != "" || v.Findings[1].Cause != filter.CauseUnreachable {
			t.Errorf("on failure %v: %v, %+v", onFailure, v.Action, v.Findings)
		}
	}
}

// TestAMapThatIsAwayRefusesNobody: whoever would have got the message with the map has
// it now, or it comes again. What is refused all the same is refused by a known policy of
// another recipient (mixed = "strict"), whatever the map would have said of this one.
func TestAMapThatIsAwayRefusesNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies := policiesOf(rapid.SampledFrom([]filter.Action{filter.Accept, filter.Defer}).Draw(t, "on failure"))
		policies.Mixed = rapid.SampledFrom([]filter.Mixed{filter.Lenient, filter.Strict, filter.Split}).Draw(t, "mixed")
		e := filter.Envelope{Recipients: rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c@listed.example"}), 1, 3).Draw(t, "to")}
		said := customers{}
		chosen := []string{"gold", "iron", "unheard-of"}
		for _, r := range e.Recipients {
			said[r] = filter.Assignment{Policy: rapid.SampledFrom(chosen).Draw(t, "policy")}
		}
		gone := rapid.SampledFrom(e.Recipients).Draw(t, "gone")
		scanner := &says{finding: scored(rapid.Float64Range(0, 25).Draw(t, "score"))}
		weigh := func(a filter.Assignment) filter.Action {
			said[gone] = a
			judge := filter.Judge{Scanners: []filter.Scanner{scanner}, Policies: policies, Map: said}
			return judge.Weigh(context.Background(), filter.Message{Envelope: e}).Action
		}
		if weigh(filter.Assignment{Err: "nobody answers"}) != filter.Reject {
			return
		}
		for _, policy := range chosen {
			if action := weigh(filter.Assignment{Policy: policy}); action != filter.Reject {
				t.Fatalf("refused under a guess, but with the policy %s: %v", policy, action)
			}
		}
	})
}

func TestWithSplitTheMapIsAskedAtEachRecipient(t *testing.T) {
	policies := policiesOf(filter.Accept)
	policies.Mixed = filter.Split
	judge := filter.Judge{Policies: policies, Map: customers{"a": {Policy: "gold"}, "b": {Policy: "iron"}, "c": {Policy: "gold"}, "d": {Err: "nobody answers"}}}
	first := filter.Envelope{Recipients: []string{"a"}}
	for to, want := range map[string]bool{"b": true, "c": false, "d": false, "x": true} {
		if got := judge.Apart(first, to); got != want {
			t.Errorf("a and %s apart: %v", to, got)
		}
	}
	if judge.Apart(filter.Envelope{}, "b") {
		t.Error("the first recipient was told to come again")
	}
	judge.Policies.Mixed = filter.Lenient
	if judge.Apart(first, "b") {
		t.Error("without split")
	}
}

func TestUnextended(t *testing.T) {
	for address, want := range map[string]string{
		"Bob+lists@Example.org": "bob@example.org", `"b+x y"@example.org`: "b@example.org", "postmaster": "postmaster", "+x@example.org": "+x@example.org",
	} {
		if got := filter.Unextended(address, "+"); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

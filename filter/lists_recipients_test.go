package filter_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"proxyfilter/filter"
)

// desk is a complaints desk, void takes no mail, and alice is a user.
const desk, void, alice = "desk@example.net", "x@void.example", "alice@example.net"

func recipientLists() filter.Lists {
	return filter.Lists{
		AcceptRecipients: filter.NewRecipients([]string{desk, "old@void.example"}),
		RefuseRecipients: filter.NewRecipients([]string{"void.example"}), Delimiters: "+",
	}
}

func TestAListedRecipientDecidesForHimself(t *testing.T) {
	to := func(all ...string) []string { return all }
	for _, test := range []struct {
		name       string
		mixed      filter.Mixed
		client     filter.Client
		recipients []string
		scan       filter.Finding
		action     filter.Action
		reason     filter.Reason
		policy     string
		scans      int
	}{
		{"accepted, whatever the score", 0, filter.Client{}, to(desk), scored(20), filter.Accept, filter.Advice, "default/accepted", 1},
		{"with an extension, in capitals", 0, filter.Client{}, to("Desk+x@Example.net"), scored(20), filter.Accept, filter.Advice, "default/accepted", 1},
		{"accepted, while nothing scans", 0, filter.Client{}, to(desk), failedBy(filter.CauseTimeout, 0), filter.Accept, filter.Advice, "default/accepted", 1},
		{"refused, unscanned", 0, filter.Client{}, to(void), scored(0), filter.Reject, filter.Advice, "default/refused", 0},
		{"a refusal goes before an acceptance", 0, filter.Client{}, to("old@void.example"), scored(0), filter.Reject, filter.Advice, "default/refused", 0},
		{"two who are refused", 0, filter.Client{}, to(void, "y@void.example"), scored(0), filter.Reject, filter.Advice, "default/refused", 0},
		{"of a user it is marked, and scanned", 0, filter.Client{Authenticated: true}, to(void), scored(0), filter.Tag, filter.Advice, "own/refused", 1},
		{"lenient: the accepted one saves it for all", filter.Lenient, filter.Client{}, to(desk, alice), scored(20), filter.Tag, filter.Score, "default", 1},
		{"lenient: nobody minds", filter.Lenient, filter.Client{}, to(alice, desk), scored(0), filter.Accept, filter.Clean, "default", 1},
		{"lenient: the refused one gets it as well", filter.Lenient, filter.Client{}, to(void, alice), scored(0), filter.Tag, filter.Advice, "default/refused", 1},
		{"lenient: all refuse, each for its reason", filter.Lenient, filter.Client{}, to(void, alice), scored(20), filter.Reject, filter.Advice, "default/refused", 1},
		{"lenient: all three", filter.Lenient, filter.Client{}, to(void, alice, desk), scored(20), filter.Tag, filter.Advice, "default/refused", 1},
		{"strict: the refused one keeps it from all", filter.Strict, filter.Client{}, to(alice, void), scored(0), filter.Reject, filter.Advice, "default/refused", 1},
		{"strict: so does a score", filter.Strict, filter.Client{}, to(alice, desk), scored(20), filter.Reject, filter.Score, "default", 1},
		{"who must wait makes all wait", filter.Strict, filter.Client{}, to(void, alice, desk), failedBy(filter.CauseTimeout, 0), filter.Defer, filter.Unscanned, "default", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			scanner := &says{finding: test.scan}
			policies := filter.Policies{Default: filter.Policy{Name: filter.DefaultPolicy, RejectAt: 10}, Mixed: test.mixed}
			judge := filter.Judge{Lists: recipientLists(), Scanners: []filter.Scanner{scanner}, Policies: policies}
			e := filter.Envelope{Client: test.client, Recipients: test.recipients}
			v := judge.Weigh(t.Context(), filter.Message{Envelope: e})
			consistent(t, v)
			if v.Action != test.action || v.Reason != test.reason || v.Policy != test.policy || scanner.asked != test.scans {
				t.Errorf("got %v, %v under %s after %d scans", v.Action, v.Reason, v.Policy, scanner.asked)
			}
			if again, err := judge.Again(e, v.Findings); err != nil || again.Action != v.Action || again.Policy != v.Policy {
				t.Errorf("the same findings give %v under %s, %v", again.Action, again.Policy, err)
			}
		})
	}
}

func TestAListedRecipientIsNotSparedAVirus(t *testing.T) {
	virus := speaks{Source: "clamd", Viruses: true, Advice: filter.Reject, Text: "it contains Eicar"}
	for _, client := range []filter.Client{{}, {Authenticated: true}} {
		for _, to := range []string{desk, void} {
			judge := filter.Judge{Lists: recipientLists(), Viruses: []filter.Scanner{virus}}
			v := judge.Weigh(t.Context(), filter.Message{Envelope: filter.Envelope{Client: client, Recipients: []string{to}}})
			if v.Action != filter.Reject {
				t.Errorf("for %s: %v, %v", to, v.Action, v.Reason)
			}
		}
	}
}

// While refusals are suspended, what a list refuses may be handed on. It is scanned then.
func TestWhatAListRefusesIsSearchedWhileRefusalsAreSuspended(t *testing.T) {
	virus := speaks{Source: "clamd", Viruses: true, Advice: filter.Reject, Text: "it contains Eicar"}
	judge := filter.Judge{Lists: recipientLists(), Viruses: []filter.Scanner{virus}, Suspended: func() filter.Suspension { return filter.Suspension{By: filter.PanicName, Instead: filter.Tag} }}
	v := judge.Weigh(t.Context(), filter.Message{Envelope: filter.Envelope{Recipients: []string{void}}})
	if v.Action != filter.Defer || v.Reason != filter.Emergency {
		t.Errorf("got %v, %v", v.Action, v.Reason)
	}
}

// A signature in favour of the message is looked for although the first recipient's
// refusal has nothing to do with the score.
func TestASignatureCountsForThoseWhoAreOnNoList(t *testing.T) {
	lists := recipientLists()
	lists.AcceptSigned = filter.NewRecipients([]string{"partner.example"})
	judge := filter.Judge{
		Lists: lists, Scanners: []filter.Scanner{speaks(scored(20))}, Policies: filter.Policies{Default: filter.Policy{RejectAt: 10}},
		Signer: func(context.Context, filter.Content, func(string) bool) (string, bool) {
			return "partner.example", true
		},
	}
	v := judge.Weigh(t.Context(), filter.Message{Envelope: filter.Envelope{Recipients: []string{void, alice}}, Content: strings.NewReader("x")})
	if v.Action != filter.Tag {
		t.Errorf("got %v, %v of %+v", v.Action, v.Reason, v.Opinions)
	}
}

func TestSplitAsksForListedRecipientsByThemselves(t *testing.T) {
	judge := filter.Judge{Lists: recipientLists(), Policies: filter.Policies{Mixed: filter.Split}}
	for _, test := range []struct {
		first, next string
		apart       bool
	}{
		{alice, desk, true}, {alice, void, true}, {desk, void, true}, {void, alice, true}, {desk, desk, false}, {alice, "bob@example.net", false}, {void, "y@void.example", false},
	} {
		if got := judge.Apart(filter.Envelope{Recipients: []string{test.first}}, test.next); got != test.apart {
			t.Errorf("%s and %s apart: %v", test.first, test.next, got)
		}
	}
	judge.Policies.Mixed = filter.Lenient
	if judge.Apart(filter.Envelope{Recipients: []string{alice}}, void) {
		t.Error("without split")
	}
}

// TestNobodyDecidesForAnother: whatever the lists, policies and findings are, the answer
// is the one that the recipients' own answers make, each asked alone.
func TestNobodyDecidesForAnother(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		everybody := []string{desk, void, "old@void.example", alice, "bob@example.net"}
		some := func(label string) *filter.Recipients {
			return filter.NewRecipients(rapid.SliceOfN(rapid.SampledFrom(everybody), 0, 3).Draw(t, label))
		}
		bob := anyPolicy(t)
		bob.Name = "bob"
		judge := filter.Judge{
			Lists:    filter.Lists{AcceptRecipients: some("accept"), RefuseRecipients: some("refuse"), AcceptSenders: some("senders")},
			Scanners: []filter.Scanner{speaks(rapid.Custom(anyFinding).Draw(t, "spamd"))},
			Viruses:  []filter.Scanner{speaks(rapid.Custom(anyFinding).Draw(t, "clamd"))},
			Policies: filter.Policies{
				Default: anyPolicy(t), Selection: filter.NewSelection([]filter.Scope{{Policy: bob, Recipients: []string{"bob@example.net"}}}, ""),
				Mixed: rapid.SampledFrom([]filter.Mixed{filter.Lenient, filter.Strict, filter.Split}).Draw(t, "mixed"),
			},
		}
		judge.Policies.Default.Name = filter.DefaultPolicy
		e := filter.Envelope{Sender: rapid.SampledFrom(everybody).Draw(t, "from"), Recipients: rapid.SliceOfN(rapid.SampledFrom(everybody), 1, 4).Draw(t, "to")}
		weigh := func(to ...string) filter.Verdict {
			e.Recipients = to
			return judge.Weigh(context.Background(), filter.Message{Envelope: e})
		}
		to := e.Recipients
		together := weigh(to...)
		var alone []filter.Action
		for _, r := range to {
			alone = append(alone, weigh(r).Action)
		}
		passes := slices.ContainsFunc(alone, filter.Action.Passes)
		switch {
		case together.Action != judge.Policies.Mixed.Combine(alone...):
			t.Fatalf("%v together, alone %v", together.Action, alone)
		case slices.Contains(alone, filter.Defer) && together.Action != filter.Defer:
			t.Fatalf("one is to wait, and the answer is %v", together.Action)
		case judge.Policies.Mixed == filter.Lenient && passes && together.Action == filter.Reject:
			t.Fatal("one would have it, and it is refused")
		}
	})
}

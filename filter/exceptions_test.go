package filter_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"proxyfilter/filter"
)

// excepting is a judge with one scanner, exceptions, and a clock.
func excepting(scan filter.Finding, now time.Time, all ...filter.Exception) filter.Judge {
	known := filter.NewExceptions(all, func() time.Time { return now })
	return filter.Judge{
		Scanners:   []filter.Scanner{&says{finding: scan}},
		Policies:   filter.Policies{Default: filter.Policy{RejectAt: 10}},
		Exceptions: func() *filter.Exceptions { return known },
	}
}

func TestAnExceptionLetsInWhatItIsFor(t *testing.T) {
	sender := anException(filter.ForSenderAndClient, "192.0.2.0/24", "ann@example.org")
	claim := anException(filter.ForSender, "", "ann@example.org")
	domain := anException(filter.ForDomain, "", "example.org")
	client := anException(filter.ForClient, "192.0.2.7/32", "")
	signed := anException(filter.ForSigned, "", "example.org")
	during, after := exceptionMade.Add(time.Hour), exceptionMade.Add(7*24*time.Hour)
	for _, test := range []struct {
		name   string
		e      filter.Exception
		client string
		sender string
		signer string
		scan   filter.Finding
		now    time.Time
		action filter.Action
		reason filter.Reason
	}{
		{"the sender, from the client", sender, "192.0.2.7", "ann@example.org", "", scored(20), during, filter.Accept, filter.Advice},
		{"the sender in another spelling, from a neighbour", sender, "::ffff:192.0.2.99", `"Ann"@Example.org.`, "", scored(20), during, filter.Accept, filter.Advice},
		{"the sender, of what is only suspicious", sender, "192.0.2.7", "ann@example.org", "", scored(6), during, filter.Accept, filter.Advice},
		{"the sender, from another network", sender, "192.0.3.7", "ann@example.org", "", scored(20), during, filter.Reject, filter.Score},
		{"the sender, from nobody knows where", sender, "", "ann@example.org", "", scored(20), during, filter.Reject, filter.Score},
		{"another sender, from the client", sender, "192.0.2.7", "bob@example.org", "", scored(20), during, filter.Reject, filter.Score},
		{"another sender with the name in his, from the client", sender, "192.0.2.7", "ann%example.org@spam.example", "", scored(20), during, filter.Reject, filter.Score},
		{"a bounce, from the client", sender, "192.0.2.7", "", "", scored(20), during, filter.Reject, filter.Score},
		{"a moment before its end", sender, "192.0.2.7", "ann@example.org", "", scored(20), after.Add(-1), filter.Accept, filter.Advice},
		{"at its end", sender, "192.0.2.7", "ann@example.org", "", scored(20), after, filter.Reject, filter.Score},
		{"clean mail, which needs none", sender, "192.0.2.7", "ann@example.org", "", scored(1), during, filter.Accept, filter.Clean},
		{"what a scanner is sure of", sender, "192.0.2.7", "ann@example.org", "", advice(filter.Reject, "no"), during, filter.Reject, filter.Advice},
		{"what nobody has scanned", sender, "192.0.2.7", "ann@example.org", "", failedBy(filter.CauseTimeout, 0), during, filter.Defer, filter.Unscanned},
		{"a sender who is only claimed", claim, "198.51.100.1", "ann@example.org", "", scored(20), during, filter.Tag, filter.Score},
		{"somebody else who is claimed", claim, "198.51.100.1", "bob@example.org", "", scored(20), during, filter.Reject, filter.Score},
		{"a domain that is only claimed", domain, "198.51.100.1", "bob@example.org", "", scored(20), during, filter.Tag, filter.Score},
		{"a domain below it", domain, "198.51.100.1", "bob@x.example.org", "", scored(20), during, filter.Reject, filter.Score},
		{"the client, of whomever", client, "192.0.2.7", "", "", scored(20), during, filter.Accept, filter.Advice},
		{"a neighbour of the client", client, "192.0.2.8", "", "", scored(20), during, filter.Reject, filter.Score},
		{"signed by the domain, from anywhere", signed, "198.51.100.1", "x@elsewhere.example", "Example.org", scored(20), during, filter.Accept, filter.Advice},
		{"signed by a domain below it", signed, "198.51.100.1", "", "x.example.org", scored(20), during, filter.Reject, filter.Score},
		{"signed, and over", signed, "198.51.100.1", "", "example.org", scored(20), after, filter.Reject, filter.Score},
		{"named, and not signed", signed, "198.51.100.1", "ann@example.org", "", scored(20), during, filter.Reject, filter.Score},
	} {
		t.Run(test.name, func(t *testing.T) {
			judge := excepting(test.scan, test.now, test.e)
			judge.Signer = func(_ context.Context, _ filter.Content, wanted func(string) bool) (string, bool) {
				return test.signer, test.signer != "" && wanted(test.signer)
			}
			e := filter.Envelope{Sender: test.sender, Recipients: []string{"c@example.net"}}
			if test.client != "" {
				e.Client.Addr = netip.MustParseAddr(test.client)
			}
			v := judge.Weigh(t.Context(), filter.Message{Envelope: e, Content: strings.NewReader("x")})
			consistent(t, v)
			if v.Action != test.action || v.Reason != test.reason {
				t.Errorf("got %v, %v", v.Action, v.Reason)
			}
			named, about, found := v.Exception()
			if wanted := test.reason != filter.Clean && v.Action.Passes(); found != wanted || found && (named.ID != test.e.ID || !strings.HasSuffix(test.e.String(), about)) {
				t.Errorf("the verdict names %+v, %q", named, about)
			}
			if last := v.Findings[len(v.Findings)-1]; last.ListEntry() != "" {
				t.Errorf("it passes for a list's: %q", last.ListEntry())
			}
			again, err := (&filter.Judge{Policies: judge.Policies}).Again(e, v.Findings)
			if err != nil || again.Action != v.Action || again.Reason != v.Reason {
				t.Errorf("a replay says %v, %v, %v", again.Action, again.Reason, err)
			}
			if byName, err := (&filter.Judge{Policies: judge.Policies}).AgainByName(v); err != nil || byName.Action != v.Action {
				t.Errorf("a replay without addresses says %v, %v", byName.Action, err)
			}
		})
	}
}

func TestTheExceptionThatSparesMostCounts(t *testing.T) {
	claim := anException(filter.ForSender, "", "ann@example.org")
	signed := anException(filter.ForSigned, "", "example.org")
	signed.ID = "1JD3M0C5Z8RZ"
	longer := claim
	longer.ID, longer.Until = "1JD3M0C5Z8RY", claim.Until.Add(time.Hour)
	judge := excepting(scored(20), exceptionMade, longer, claim, signed)
	e := filter.Envelope{Sender: "ann@example.org", Recipients: []string{"c@example.net"}}
	for _, test := range []struct {
		signer string
		action filter.Action
		id     string
	}{{"example.org", filter.Accept, signed.ID}, {"", filter.Tag, longer.ID}} {
		judge.Signer = func(_ context.Context, _ filter.Content, wanted func(string) bool) (string, bool) {
			return test.signer, test.signer != "" && wanted(test.signer)
		}
		v := judge.Weigh(t.Context(), filter.Message{Envelope: e, Content: strings.NewReader("x")})
		if named, _, _ := v.Exception(); v.Action != test.action || named.ID != test.id {
			t.Errorf("signed by %q: %v by %s", test.signer, v.Action, named.ID)
		}
	}
}

// Nobody shall have his mail hashed, nor a name server asked, for exceptions that are
// for something else.
func TestASignatureIsLookedForOnlyWhereItCouldCount(t *testing.T) {
	over := anException(filter.ForSigned, "", "example.org")
	over.Until = exceptionMade
	for _, test := range []struct {
		name  string
		e     filter.Exception
		score float64
		asked bool
	}{
		{"no exception is for signed mail", anException(filter.ForSender, "", "a@b"), 20, false},
		{"the exception is over", over, 20, false},
		{"the score is low", anException(filter.ForSigned, "", "example.org"), 1, false},
		{"the score is too high", anException(filter.ForSigned, "", "example.org"), 20, true},
	} {
		asked := false
		judge := excepting(scored(test.score), exceptionMade, test.e)
		judge.Signer = func(context.Context, filter.Content, func(string) bool) (string, bool) {
			asked = true
			return "", false
		}
		judge.Weigh(t.Context(), filter.Message{Content: strings.NewReader("x")})
		if asked != test.asked {
			t.Errorf("%s: asked %v", test.name, asked)
		}
	}
}

// The two recipients are such that what is milder for one would be stricter for both:
// nobody has looked for viruses, which matters only to mail that would pass.
func TestAnExceptionThatWouldDelayOthersIsNotUsed(t *testing.T) {
	judge := excepting(scored(20), exceptionMade, anException(filter.ForSender, "", "ann@example.org"))
	judge.Viruses = []filter.Scanner{&says{finding: failedBy(filter.CauseTimeout, 0)}}
	judge.Policies.Selection = filter.NewSelection([]filter.Scope{{
		Policy: filter.Policy{Name: "calm", OnVirusScanFailure: filter.Accept}, Recipients: []string{"calm.example"},
	}}, "")
	e := filter.Envelope{Sender: "ann@example.org", Recipients: []string{"a@calm.example", "b@example.net"}}
	v := judge.Weigh(t.Context(), filter.Message{Envelope: e})
	if _, _, found := v.Exception(); v.Action != filter.Tag || found {
		t.Errorf("got %v, %v", v.Action, v.Findings)
	}
}

func TestAnExceptionNeverMakesAVerdictStricterNorTouchesAnotherReason(t *testing.T) {
	kinds := []filter.Exception{
		anException(filter.ForClient, "192.0.2.7/32", ""), anException(filter.ForSenderAndClient, "192.0.2.0/24", "ann@example.org"),
		anException(filter.ForSender, "", "ann@example.org"), anException(filter.ForDomain, "", "example.org"),
	}
	e := filter.Envelope{Sender: "ann@example.org", Client: filter.Client{Addr: netip.MustParseAddr("192.0.2.7")}, Recipients: []string{"a@one.example", "b@two.example"}}
	rapid.Check(t, func(t *rapid.T) {
		one, two := anyPolicy(t), anyPolicy(t)
		one.Name, two.Name = "one", "two"
		policies := filter.Policies{
			Default: one, Mixed: rapid.SampledFrom([]filter.Mixed{filter.Lenient, filter.Strict}).Draw(t, "mixed"),
			Selection: filter.NewSelection([]filter.Scope{{Policy: two, Recipients: []string{"two.example"}}}, ""),
		}
		scan, search := anyFinding(t), anyFinding(t)
		judge := filter.Judge{Policies: policies, Scanners: []filter.Scanner{&says{finding: scan}}, Viruses: []filter.Scanner{&says{finding: search}}}
		m := filter.Message{Envelope: e}
		before := judge.Weigh(context.Background(), m)
		known := filter.NewExceptions([]filter.Exception{rapid.SampledFrom(kinds).Draw(t, "exception")}, func() time.Time { return exceptionMade })
		judge.Exceptions = func() *filter.Exceptions { return known }
		after := judge.Weigh(context.Background(), m)
		if severity[after.Action] > severity[before.Action] || severity[after.Would] > severity[before.Would] {
			t.Fatalf("%v, %v became %v, %v", before.Action, before.Reason, after.Action, after.Reason)
		}
		if !before.ByScore() && (after.Action != before.Action || after.Reason != before.Reason) {
			t.Fatalf("%v, %v became %v, %v", before.Action, before.Reason, after.Action, after.Reason)
		}
		marked := one.TagViruses || two.TagViruses // and not refused: virus = "tag"
		if before.Virus() != "" && after.Action.Passes() && !before.Action.Passes() && !marked {
			t.Fatalf("a virus was let in")
		}
	})
}

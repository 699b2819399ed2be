package filter_test

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"proxyfilter/filter"
)

// aJudge has two customers, forwarders, mailboxes that are forwarded, and lists.
func aJudge(reject float64, mixed filter.Mixed) *filter.Judge {
	policy := func(name string, reject float64) filter.Policy {
		return filter.Policy{
			Name: name, TagAt: 5, RejectAt: reject, ForwardedRejectAt: 7,
			Forwarded:  filter.NewRecipients([]string{"away@a.example", "away@b.example"}),
			Forwarders: filter.NewNetworks([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}),
		}
	}
	return &filter.Judge{
		Lists: filter.Lists{
			AcceptClients: filter.NewNetworks([]netip.Prefix{netip.MustParsePrefix("198.51.100.1/32")}),
			RefuseClients: filter.NewNetworks([]netip.Prefix{netip.MustParsePrefix("198.51.100.2/32")}),
			AcceptSenders: filter.NewRecipients([]string{"friend.example"}),
			RefuseSenders: filter.NewRecipients([]string{"enemy.example"}),

			AcceptRecipients: filter.NewRecipients([]string{"desk@b.example"}), RefuseRecipients: filter.NewRecipients([]string{"void@a.example"}),
		},
		Policies: filter.Policies{
			Default: policy(filter.DefaultPolicy, reject), Mixed: mixed,
			Selection: filter.NewSelection([]filter.Scope{{Policy: policy("b", reject+4), Recipients: []string{"b.example"}}}, ""),
			Listeners: map[string]filter.Policy{"own": policy("door", reject)},
		},
	}
}

func anyEnvelope(t *rapid.T) filter.Envelope {
	return filter.Envelope{
		Listener: rapid.SampledFrom([]string{"", "", "own"}).Draw(t, "listener"),
		Client: filter.Client{
			Addr:          netip.MustParseAddr(rapid.SampledFrom([]string{"203.0.113.1", "192.0.2.9", "198.51.100.1", "198.51.100.2"}).Draw(t, "client")),
			Authenticated: rapid.Bool().Draw(t, "authenticated"),
		},
		Sender: rapid.SampledFrom([]string{"", "x@friend.example", "x@enemy.example", "x@else.example"}).Draw(t, "sender"),
		Recipients: rapid.SliceOfN(rapid.SampledFrom([]string{
			"x@a.example", "away@a.example", "postmaster@a.example", "x@b.example", "away@b.example", "desk@b.example", "void@a.example", "postmaster@b.example",
		}), 1, 3).Draw(t, "recipients"),
	}
}

func TestUnderTheSamePoliciesAReplayDecidesTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := aJudge(rapid.SampledFrom([]float64{6, 10}).Draw(t, "reject at"), rapid.SampledFrom([]filter.Mixed{filter.Lenient, filter.Strict, filter.Split}).Draw(t, "mixed"))
		e := anyEnvelope(t)
		j.Policies.OnMapFailure = rapid.SampledFrom([]filter.Action{filter.Defer, filter.Accept}).Draw(t, "on map failure")
		if rapid.Bool().Draw(t, "a map") {
			j.Map = customers{"x@a.example": {Policy: "b"}, "postmaster@b.example": {Err: "away"}, "away@b.example": {Policy: "unheard-of"}}
		}
		j.Scanners = []filter.Scanner{&says{finding: filter.Finding{Score: rapid.SampledFrom([]float64{0, 5, 6.5, 8, 12, 20}).Draw(t, "score")}}}
		was := j.Weigh(context.Background(), filter.Message{Envelope: e})
		now, err := j.Again(e, was.Findings)
		if err != nil || !reflect.DeepEqual(now, was) {
			t.Fatalf("was %+v\nnow %+v, %v", was, now, err)
		}
		if now, err = j.AgainByName(was); err != nil || !reflect.DeepEqual(now, was) {
			t.Fatalf("was %+v\nby name %+v, %v", was, now, err)
		}
	})
}

func TestWhatAReplayCanAndCannotDoAgain(t *testing.T) {
	listed := func(advice filter.Action, entry string) filter.Finding {
		return filter.Finding{Source: filter.ListsName, Advice: advice, Labels: []string{filter.Listed, entry}}
	}
	spam := filter.Finding{Source: "spamd", Score: 12}
	signs := filter.Lists{AcceptSigned: filter.NewRecipients([]string{"*.example.org"})}
	for _, test := range []struct {
		name   string
		lists  filter.Lists
		stored []filter.Finding
		want   filter.Action
		err    error
	}{
		{"a score is weighed again", filter.Lists{}, []filter.Finding{spam}, filter.Reject, nil},
		{"a client is on the list now", aJudge(0, 0).Lists, []filter.Finding{spam}, filter.Accept, nil},
		{"a client is not on the list any more", filter.Lists{}, []filter.Finding{spam, listed(filter.Accept, "accept_clients 198.51.100.1/32")}, filter.Reject, nil},
		{"what was refused unscanned has no score", filter.Lists{}, []filter.Finding{listed(filter.Reject, "refuse_clients 198.51.100.1/32")}, filter.Undecided, filter.ErrUnscanned},
		{"a signature counts while its domain is on the list", signs, []filter.Finding{spam, listed(filter.Accept, "accept_signed *.example.org")}, filter.Accept, nil},
		{"and not afterwards", filter.Lists{}, []filter.Finding{spam, listed(filter.Accept, "accept_signed *.example.org")}, filter.Reject, nil},
		{
			"what a list refused while refusals were suspended is marked again", aRefusal("198.51.100.1"),
			[]filter.Finding{spam, listed(filter.Reject, "refuse_clients 198.51.100.1/32"), filter.Suspension{By: filter.PanicName, Instead: filter.Tag}.Finding()},
			filter.Tag, nil,
		},
		{"without scanners everything is accepted", filter.Lists{}, nil, filter.Accept, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := aJudge(10, filter.Lenient)
			j.Lists = test.lists
			e := filter.Envelope{Client: filter.Client{Addr: netip.MustParseAddr("198.51.100.1")}, Sender: "x@else.example", Recipients: []string{"x@a.example"}}
			v, err := j.Again(e, test.stored)
			if v.Action != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %v, %v; want %v, %v", v.Action, err, test.want, test.err)
			}
		})
	}
}

// aRefusal is a list of one client who is refused.
func aRefusal(client string) filter.Lists {
	networks := filter.NewNetworks([]netip.Prefix{netip.MustParsePrefix(client + "/32")})
	return filter.Lists{RefuseClients: networks}
}

func TestAPolicyThatIsGoneCannotBeFoundByName(t *testing.T) {
	_, err := aJudge(10, filter.Lenient).AgainByName(filter.Verdict{Policy: "gone/postmaster"})
	if !errors.Is(err, filter.ErrNoPolicy) {
		t.Errorf("got %v", err)
	}
}

func TestHowAMessageIsKnownToBeWanted(t *testing.T) {
	of := func(entry string) filter.Record {
		return filter.Record{Verdict: filter.Verdict{Findings: []filter.Finding{{Source: "spamd"}, {Labels: []string{filter.Listed, entry}}}}}
	}
	for _, test := range []struct {
		name string
		r    filter.Record
		want filter.Evidence
	}{
		{"a user has sent it", filter.Record{Envelope: filter.Envelope{Client: filter.Client{Authenticated: true}}}, filter.ByUser},
		{"it is from one of Postfix's networks", filter.Record{Envelope: filter.Envelope{Client: filter.Client{Local: true}}}, filter.ByUser},
		{"its client is accepted", of("accept_clients 192.0.2.0/24"), filter.ByClient},
		{"its sender is accepted", of("accept_senders example.org"), filter.BySender},
		{"its signer is accepted", of("accept_signed example.org"), filter.BySignature},
		{"that its recipient is accepted says nothing about it", of("accept_recipients example.net"), ""},
		{"a refusal is no evidence", of("refuse_senders example.org"), ""},
		{"nor is a low score", filter.Record{}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.r.Wanted(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestOnlyAScannerOfSpamGivesAScore(t *testing.T) {
	for _, test := range []struct {
		name string
		f    filter.Finding
		want bool
	}{
		{"an answer", filter.Finding{Source: "spamd"}, true},
		{"no answer", filter.Finding{Source: "spamd", Cause: filter.CauseBusy}, false},
		{"a list", filter.Finding{Labels: []string{filter.Listed, "accept_clients 192.0.2.1/32"}}, false},
		{"a scanner of viruses", filter.Finding{Source: "clamd", Viruses: true}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := (filter.Verdict{Findings: []filter.Finding{test.f}}).Scanned(); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

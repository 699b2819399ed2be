package filter_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"proxyfilter/filter"
)

// says is a scanner that has one answer.
type says struct {
	finding filter.Finding
	asked   int
}

func (s *says) Name() string { return "spamd" }

func (s *says) Scan(context.Context, filter.Message) (filter.Finding, error) {
	s.asked++
	if s.finding.Cause != "" {
		return filter.Finding{}, &filter.Failure{Cause: s.finding.Cause}
	}
	return s.finding, nil
}

func TestListsDecideBeforeScores(t *testing.T) {
	networks := func(p string) *filter.Networks { return filter.NewNetworks([]netip.Prefix{netip.MustParsePrefix(p)}) }
	lists := filter.Lists{
		AcceptClients: networks("192.0.2.0/24"), RefuseClients: networks("192.0.2.66/32"),
		AcceptSenders: filter.NewRecipients([]string{"partner.example"}), RefuseSenders: filter.NewRecipients([]string{"*.spam.example", "pest@partner.example"}),
	}
	for _, test := range []struct {
		name, client, sender string
		scan                 filter.Finding
		action               filter.Action
		reason               filter.Reason
		label, fields        string
		scans                int
	}{
		{"nobody who is listed", "198.51.100.1", "a@example.org", scored(20), filter.Reject, filter.Score, "", "", 1},
		{"a bounce", "198.51.100.1", "", scored(20), filter.Reject, filter.Score, "", "", 1},
		{"a client to accept", "192.0.2.7", "a@example.org", scored(20), filter.Accept, filter.Advice, "accept_clients 192.0.2.0/24", "No, score=20.0", 1},
		{"a client to accept, while nothing scans", "192.0.2.7", "", failedBy(filter.CauseTimeout, 0), filter.Accept, filter.Advice, "accept_clients 192.0.2.0/24", "No, score=0.0 required=5.0 tests=none autolearn=unavailable version=unknown unscanned=timeout", 1},
		{"a client to refuse", "192.0.2.66", "a@partner.example", scored(0), filter.Reject, filter.Advice, "refuse_clients 192.0.2.66/32", "", 0},
		{"a sender to accept", "198.51.100.1", `"A"@Partner.example`, scored(20), filter.Tag, filter.Score, "accept_senders partner.example", "Yes, score=20.0", 1},
		{"a sender to accept, of clean mail", "", "a@partner.example", scored(1), filter.Accept, filter.Clean, "accept_senders partner.example", "No, score=1.0", 1},
		{"a sender to accept, while nothing scans", "", "a@partner.example", failedBy(filter.CauseTimeout, 0), filter.Defer, filter.Unscanned, "accept_senders partner.example", "", 1},
		{"a sender to accept, with a virus", "", "a@partner.example", advice(filter.Reject, "virus"), filter.Reject, filter.Advice, "accept_senders partner.example", "", 1},
		{"a sender to refuse", "", "a@x.spam.example", scored(0), filter.Reject, filter.Advice, "refuse_senders *.spam.example", "", 0},
		{"a sender to refuse with the name of one to accept", "", "a%partner.example@x.spam.example", scored(0), filter.Reject, filter.Advice, "refuse_senders *.spam.example", "", 0},
		{"a sender to refuse among those to accept", "", "pest@partner.example", scored(0), filter.Reject, filter.Advice, "refuse_senders pest@partner.example", "", 0},
		{"a sender to refuse from a client to accept", "192.0.2.7", "pest@partner.example", scored(0), filter.Reject, filter.Advice, "refuse_senders pest@partner.example", "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			scanner := &says{finding: test.scan}
			judge := filter.Judge{Lists: lists, Scanners: []filter.Scanner{scanner}, Policies: filter.Policies{Default: filter.Policy{RejectAt: 10}}}
			e := filter.Envelope{Sender: test.sender, Recipients: []string{"b@example.net"}}
			if test.client != "" {
				e.Client.Addr = netip.MustParseAddr(test.client)
			}
			v := judge.Weigh(t.Context(), filter.Message{Envelope: e})
			consistent(t, v)
			if v.Action != test.action || v.Reason != test.reason || scanner.asked != test.scans {
				t.Errorf("got %v, %v after %d scans", v.Action, v.Reason, scanner.asked)
			}
			last := v.Findings[len(v.Findings)-1]
			if (last.Source == "lists") != (test.label != "") || test.label != "" && !last.HasLabel(test.label) {
				t.Errorf("findings %+v", v.Findings)
			}
			status := ""
			for _, f := range v.Fields {
				if f.Name == "X-Spam-Status" {
					status = f.Value
				}
			}
			if len(status) < len(test.fields) || status[:len(test.fields)] != test.fields || (status == "") != (test.fields == "") {
				t.Errorf("X-Spam-Status: %s", status)
			}
			if again := judge.Policies.Decide(e, v.Findings); again.Action != v.Action {
				t.Errorf("the same findings give %v", again.Action)
			}
		})
	}
}

func TestAListIsNoScanner(t *testing.T) {
	lists := filter.Lists{AcceptSenders: filter.NewRecipients([]string{"partner.example"})}
	judge := filter.Judge{Lists: lists, Policies: filter.Policies{Default: filter.Policy{RejectAt: 10}}}
	v := judge.Weigh(t.Context(), filter.Message{Envelope: filter.Envelope{Sender: "a@partner.example"}})
	if v.Action != filter.Accept || v.Reason != filter.Unscanned {
		t.Errorf("got %v, %v", v.Action, v.Reason)
	}
}

func TestASignedSenderCountsMoreThanAClaimedOne(t *testing.T) {
	signedBy := func(domain string) func(context.Context, filter.Content, func(string) bool) (string, bool) {
		return func(_ context.Context, _ filter.Content, wanted func(string) bool) (string, bool) {
			return domain, domain != "" && wanted(domain)
		}
	}
	for _, test := range []struct {
		name, sender, signer string
		scan                 filter.Finding
		action               filter.Action
		label                string
	}{
		{"signed", "x@elsewhere.example", "partner.example", scored(20), filter.Accept, "accept_signed partner.example"},
		{"signed by a domain below", "", "mail.partner.example", scored(20), filter.Accept, "accept_signed *.partner.example"},
		{"signed by a stranger", "", "stranger.example", scored(20), filter.Reject, ""},
		{"signed by a name that holds ours", "", "partner.example@mail.stranger.example", scored(20), filter.Reject, ""},
		{"claimed", "x@partner.example", "", scored(20), filter.Tag, "accept_senders partner.example"},
		{"claimed and signed", "x@partner.example", "partner.example", scored(20), filter.Accept, "accept_signed partner.example"},
		{"signed, and only suspicious", "", "partner.example", scored(6), filter.Accept, "accept_signed partner.example"},
		{"signed, and clean: nobody looks", "", "partner.example", scored(1), filter.Accept, ""},
		{"signed, with a virus", "", "partner.example", advice(filter.Reject, "virus"), filter.Reject, ""},
		{"signed, and unscanned", "", "partner.example", failedBy(filter.CauseTimeout, 0), filter.Defer, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			judge := filter.Judge{
				Lists: filter.Lists{
					AcceptSenders: filter.NewRecipients([]string{"partner.example"}),
					AcceptSigned:  filter.NewRecipients([]string{"partner.example", "*.partner.example"}),
				},
				Scanners: []filter.Scanner{&says{finding: test.scan}},
				Policies: filter.Policies{Default: filter.Policy{RejectAt: 10}},
				Signer:   signedBy(test.signer),
			}
			v := judge.Weigh(t.Context(), filter.Message{Envelope: filter.Envelope{Sender: test.sender}, Content: strings.NewReader("x")})
			if v.Action != test.action {
				t.Errorf("got %v, %v", v.Action, v.Reason)
			}
			if last := v.Findings[len(v.Findings)-1]; last.ListEntry() != test.label {
				t.Errorf("findings %+v", v.Findings)
			}
		})
	}
}

package filter_test

import (
	"net/netip"
	"testing"

	"proxyfilter/filter"
)

func TestMailThatSomebodyWouldHaveToBounceIsTaggedAtMost(t *testing.T) {
	policies := filter.Policies{Default: filter.Policy{
		Name: filter.DefaultPolicy, RejectAt: 10,
		Forwarders: filter.NewNetworks([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}),
		Forwarded:  filter.NewRecipients([]string{"away@example.org"}), ForwardedRejectAt: 6,
	}}
	for _, test := range []struct {
		name, client string
		recipients   []string
		policy       string
		action       filter.Action
	}{
		{"any host", "198.51.100.1", []string{"a@example.org"}, "default", filter.Reject},
		{"an unknown host", "", []string{"a@example.org"}, "default", filter.Reject},
		{"a forwarder", "192.0.2.7", []string{"a@example.org"}, "default/forwarder", filter.Tag},
		{"a forwarder, for one who is forwarded", "192.0.2.7", []string{"away@example.org"}, "default/forwarder", filter.Tag},
		{"a postmaster", "", []string{`"Postmaster"@example.org`}, "default/postmaster", filter.Tag},
		{"a postmaster without a domain", "", []string{"postmaster"}, "default/postmaster", filter.Tag},
		{"several of them", "", []string{"postmaster@example.org", "abuse@example.net"}, "default/postmaster", filter.Tag},
		{"one in company", "", []string{"postmaster@example.org", "a@example.org"}, "default", filter.Reject},
		{"somebody who is called like one", "", []string{"postmaster2@example.org"}, "default", filter.Reject},
		{"nobody", "", nil, "default", filter.Reject},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := filter.Envelope{Recipients: test.recipients}
			if test.client != "" {
				e.Client.Addr = netip.MustParseAddr(test.client)
			}
			v := policies.Decide(e, []filter.Finding{scored(20)})
			if v.Policy != test.policy || v.Action != test.action || v.Opinions != nil {
				t.Errorf("got %v by %s", v.Action, v.Policy)
			}
			if v := policies.Decide(e, []filter.Finding{failedBy(filter.CauseBroken, 0)}); v.Action != filter.Defer {
				t.Errorf("unscanned it is %v", v.Action)
			}
		})
	}
}

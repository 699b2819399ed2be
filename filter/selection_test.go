package filter

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func networksOf(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestTheMostSpecificScopeWins(t *testing.T) {
	named := func(name string) Policy { return Policy{Name: name} }
	scopes := []Scope{
		{Policy: named("everybody")},
		{Policy: named("hosting"), Listeners: []string{"hosting"}},
		{Policy: named("network"), Clients: networksOf("192.0.2.0/24", "2001:db8::/32")},
		{Policy: named("host"), Clients: networksOf("192.0.2.7/32")},
		{Policy: named("below"), Recipients: []string{"*.example.org"}},
		{Policy: named("far below"), Recipients: []string{"*.mx.example.org"}},
		{Policy: named("domain"), Recipients: []string{"Example.org"}},
		{Policy: named("domain from network"), Recipients: []string{"example.org"}, Clients: networksOf("192.0.2.0/24")},
		{Policy: named("domain at hosting"), Recipients: []string{"example.org"}, Listeners: []string{"hosting"}},
		{Policy: named("alice"), Recipients: []string{`"Alice"@example.org`}},
		{Policy: named("alice again"), Recipients: []string{"alice@example.org"}},
		{Policy: named("alice's lists"), Recipients: []string{"alice+lists@example.org"}},
		{Policy: named("bob from host"), Recipients: []string{"bob@example.org"}, Clients: networksOf("192.0.2.7/32")},
	}
	s := NewSelection(scopes, "+")
	for _, test := range []struct{ name, recipient, client, listener, want string }{
		{"an address before its domain", "alice@example.org", "192.0.2.7", "", "alice"},
		{"the first of two equals", "ALICE@EXAMPLE.ORG", "", "", "alice"},
		{"whatever its extension", "alice+x@example.org", "", "", "alice"},
		{"an extension by name before that", "alice+Lists@example.org", "", "", "alice's lists"},
		{"a domain", "carol@example.org", "198.51.100.1", "", "domain"},
		{"a domain and a network before the domain", "carol@example.org", "192.0.2.9", "", "domain from network"},
		{"the network before the listener", "carol@example.org", "192.0.2.9", "hosting", "domain from network"},
		{"a domain and a listener before the domain", "carol@example.org", "", "hosting", "domain at hosting"},
		{"an address whose network is another does not apply", "bob@example.org", "192.0.2.9", "", "domain from network"},
		{"an address whose network is right", "bob@example.org", "192.0.2.7", "", "bob from host"},
		{"a domain below", "a@sub.example.org", "192.0.2.7", "", "below"},
		{"the nearest parent", "a@b.mx.example.org", "", "", "far below"},
		{"a parent is not its own child", "a@mx.example.org", "", "", "below"},
		{"the narrowest network", "a@example.com", "192.0.2.7", "hosting", "host"},
		{"a network", "a@example.com", "192.0.2.9", "", "network"},
		{"IPv4 in IPv6", "a@example.com", "::ffff:192.0.2.9", "", "network"},
		{"IPv6", "a@example.com", "2001:db8::1", "", "network"},
		{"the listener", "a@example.com", "198.51.100.1", "hosting", "hosting"},
		{"nothing at all", "a@example.com", "", "", "everybody"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := Envelope{Listener: test.listener}
			if test.client != "" {
				e.Client.Addr = netip.MustParseAddr(test.client)
			}
			if got := (&Policies{Selection: s}).For(e, test.recipient); got.Policy.Name != test.want {
				t.Errorf("got %+v, want %s", got, test.want)
			}
		})
	}
}

// rank is the documented order, written down without an index: the larger, in the
// order of its elements, the more specific. Nil does not apply.
func rank(s Scope, index int, e Envelope, recipient, delimiters string, named bool) []int {
	r := []int{0, -1, 0, -index}
	names := lookups(nil, recipient, delimiters)
	if len(s.Recipients) > 0 {
		best := len(names)
		for _, text := range s.Recipients {
			if at := slices.Index(names, Mailbox(strings.TrimPrefix(text, "*"))); at >= 0 {
				best = min(best, at)
			}
		}
		if best == len(names) {
			return nil
		}
		r[0] = len(names) - best
	}
	if len(s.Clients) > 0 {
		for _, p := range s.Clients {
			if p.Contains(e.Client.Addr) {
				r[1] = max(r[1], p.Bits())
			}
		}
		if r[1] < 0 {
			return nil
		}
	}
	if slices.Contains(s.Listeners, e.Listener) {
		r[2] = 1
	} else if len(s.Listeners) > 0 || named {
		return nil
	}
	return r
}

func TestTheIndexFindsWhatTheOrderSays(t *testing.T) {
	recipients := []string{"a@x.org", "b@x.org", "a+e@x.org", "a@m.x.org", "x.org", "m.x.org", "*.x.org", "*.org"}
	clients := networksOf("192.0.2.1/32", "192.0.2.0/24", "192.0.0.0/16", "0.0.0.0/0", "2001:db8::/32", "::/0")
	scope := rapid.Custom(func(t *rapid.T) Scope {
		return Scope{
			Recipients: rapid.SliceOfNDistinct(rapid.SampledFrom(recipients), 0, 3, rapid.ID).Draw(t, "recipients"),
			Clients:    rapid.SliceOfNDistinct(rapid.SampledFrom(clients), 0, 2, rapid.ID).Draw(t, "clients"),
			Listeners:  rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"", "s"}), 0, 1, rapid.ID).Draw(t, "listeners"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		scopes := rapid.SliceOfN(scope, 0, 8).Draw(t, "scopes")
		for i := range scopes {
			scopes[i].Policy.Name = fmt.Sprint(i)
		}
		recipient := rapid.SampledFrom([]string{"A@x.org", "a+e@x.org", "b@X.org", "c@m.x.org", `"a"@m.x.org`, "a@y.org", "a@com"}).Draw(t, "recipient")
		e := Envelope{Listener: rapid.SampledFrom([]string{"", "s"}).Draw(t, "listener")}
		if addr := rapid.SampledFrom([]string{"", "192.0.2.1", "192.0.2.2", "198.51.100.1", "2001:db8::1", "2001::1"}).Draw(t, "client"); addr != "" {
			e.Client.Addr = netip.MustParseAddr(addr)
		}
		e.Client.Local = rapid.Bool().Draw(t, "own")
		want, best := DefaultPolicy, []int(nil)
		if e.Client.Local {
			want = OwnPolicy
		}
		for i, s := range scopes {
			if r := rank(s, i, e, recipient, "+", e.Client.Local); r != nil && (best == nil || slices.Compare(r, best) > 0) {
				want, best = s.Policy.Name, r
			}
		}
		policies := Policies{Default: Policy{Name: DefaultPolicy}, Selection: NewSelection(scopes, "+")}
		if got := policies.For(e, recipient); got.Policy.Name != want {
			t.Fatalf("got %+v, want %s", got, want)
		}
	})
}

func TestForwardedRecipientsHaveTheLowerLimit(t *testing.T) {
	forwarded := NewRecipients([]string{"a@example.org", "*.example.net"})
	p := Policy{Name: DefaultPolicy, RejectAt: 10, Forwarded: forwarded, ForwardedRejectAt: 6}
	never, lower := p, p
	never.RejectAt, lower.RejectAt = 0, 5
	own := p
	own.TagOnly = true
	for _, test := range []struct {
		name, recipient string
		policy          Policy
		limit           float64
		entry           string
	}{
		{"one who is listed", "A@example.org", p, 6, "a@example.org"},
		{"by domain", "x@mx.example.net", p, 6, "*.example.net"},
		{"one who is not", "b@example.org", p, 10, ""},
		{"where nobody else is refused", "a@example.org", never, 6, "a@example.org"},
		{"where the limit is lower anyway", "a@example.org", lower, 5, ""},
		{"where nothing is refused for its content", "a@example.org", own, 10, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := (&Policies{Default: test.policy}).For(Envelope{}, test.recipient)
			if m.Policy.RejectAt != test.limit || m.Forwarded != test.entry || strings.HasSuffix(m.Policy.Name, ForwardedSuffix) != (test.entry != "") {
				t.Errorf("got %+v", m)
			}
		})
	}
}

// BenchmarkEntries says how much longer a lookup takes among 10,000 entries of each
// kind than among 10.
func BenchmarkEntries(b *testing.B) {
	e := Envelope{Client: Client{Addr: netip.MustParseAddr("10.0.5.7")}}
	took := func(entries int) float64 {
		policies := Policies{Default: Policy{RejectAt: 10}, Selection: selectionOf(entries)}
		start := time.Now()
		for range 200_000 {
			policies.For(e, "user7+x@example.org")
			policies.For(e, "nobody@example.net")
		}
		return float64(time.Since(start))
	}
	for b.Loop() {
		b.ReportMetric(took(10000)/took(10), "10000:10")
	}
}

// selectionOf has so many addresses, domains and networks.
func selectionOf(entries int) *Selection {
	scope := Scope{Policy: Policy{Name: "customer"}}
	networks := Scope{Policy: Policy{Name: "network"}}
	for i := range entries {
		scope.Recipients = append(scope.Recipients, fmt.Sprintf("user%d@example.org", i), fmt.Sprintf("host%d.example.org", i))
		networks.Clients = append(networks.Clients, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24))
	}
	return NewSelection([]Scope{scope, networks}, "+")
}

// BenchmarkSelection compares 10 entries with 10,000 of each kind. The ratio is
// what matters, and it should be near 1.
func BenchmarkSelection(b *testing.B) {
	for _, entries := range []int{10, 10000} {
		policies := Policies{Default: Policy{RejectAt: 10}, Selection: selectionOf(entries)}
		e := Envelope{Client: Client{Addr: netip.MustParseAddr("10.0.5.7")}}
		for _, recipient := range []string{"user7+x@example.org", "nobody@example.net"} {
			b.Run(fmt.Sprintf("%d/%s", entries, recipient), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					policies.For(e, recipient)
				}
			})
		}
	}
}

package review

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"proxyfilter/filter"
)

// seen is what matters of one Record.
type seen struct {
	at      time.Time
	client  netip.Addr // zero when it cannot be known
	cut     bool       // it is that of its network, which many have
	own     bool       // of one's own users
	outside bool       // from a public address, and nobody's own
	scanned bool       // a scanner has read it now, and not when it was sent before
	verdict *filter.Verdict

	blocked, limited string // the rule that says so
	trusted          bool
	network, bayes   bool
}

// look reads one Record.
func look(s Stored) seen {
	c := &s.Envelope.Client
	m := seen{at: s.Time, own: c.Local || c.Authenticated, client: c.Addr.Unmap().WithZone(""), cut: s.Hashed, verdict: &s.Verdict}
	m.outside = !m.own && m.client.IsGlobalUnicast() && !private(m.client)
	m.scanned = s.Verdict.Scanned() && decided(s.Verdict.Reason)
	for i := range s.Verdict.Findings {
		if f := &s.Verdict.Findings[i]; f.Cause == "" && !f.Viruses {
			m.scanned = m.scanned && !f.HasLabel(filter.Reused)
			m.rules(f.Rules)
		}
	}
	return m
}

// private reports an address that no client on the internet has.
func private(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLinkLocalUnicast() || a.Is4() && a.As4()[0] == 100 && a.As4()[1]&0xc0 == 64 // RFC 6598
}

// rules sorts the rules of one scanner.
func (m *seen) rules(all []filter.Rule) {
	for i := range all {
		name := all[i].Name
		switch {
		case name == "ALL_TRUSTED":
			m.trusted = true
		case strings.HasPrefix(name, "BAYES_"):
			m.bayes = true
		case refusesUs(&all[i]) && strings.HasPrefix(name, "RCVD_IN_VALIDITY_"):
			m.limited = name
		case refusesUs(&all[i]):
			m.blocked = name
		}
		m.network = m.network || asksNetwork(name)
	}
}

// refusesUs reports a rule which says that a DNS list does not answer this server. These
// have next to no points, and an administrator's own rule of such a name, for mail that
// he blocks, has many. Strangers can trigger his.
func refusesUs(r *filter.Rule) bool {
	return (strings.HasSuffix(r.Name, "BLOCKED") || strings.HasSuffix(r.Name, "_BLOCKED_OPENDNS")) && math.Abs(r.Points) < 0.1
}

// asksNetwork reports a rule of SpamAssassin that hits only when somebody on the network
// has answered: of its rules with "tflags net" those of the common services. Not among
// them is DKIM_SIGNED, which also hits when no key could be had (tried), nor is
// T_SPF_TEMPERROR.
func asksNetwork(name string) bool {
	at := strings.IndexByte(name, '_')
	if at < 0 {
		return false
	}
	switch name[:at] {
	case "URIBL", "SURBL", "SPF", "RAZOR2", "PYZOR", "DCC", "DKIMWL", "DNSWL":
		return true
	}
	return strings.HasPrefix(name, "RCVD_IN_") || strings.HasPrefix(name, "DKIM_VALID")
}

// network is that of a client: nobody has only one address in it.
func network(a netip.Addr) netip.Prefix {
	bits := 24
	if a.Is6() {
		bits = 48
	}
	p, _ := a.Prefix(bits)
	return p
}

// fewNetworks is how many networks make a symptom everybody's, and not one sender's.
const fewNetworks = 5

// networks counts different ones, up to fewNetworks.
type networks struct {
	all [fewNetworks]netip.Prefix
	n   int
}

func (s *networks) add(a netip.Addr) {
	if s.many() {
		return
	}
	if p := network(a); !slices.Contains(s.all[:s.n], p) {
		s.all[s.n] = p
		s.n++
	}
}

func (s *networks) many() bool { return s.n == fewNetworks }

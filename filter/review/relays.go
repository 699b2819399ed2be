package review

import (
	"cmp"
	"slices"
	"strings"

	"proxyfilter/filter"
)

// A host that hands on mail of others (a backup MX, a mailbox provider that forwards)
// makes a bounce of each refusal, mostly to a forged sender. It is for its own
// administrator to say in policy.forwarders that he knows such a host; what can be done
// here is to tell which ones look like one.
//
// A host looks like one if mail with a sign of forwarding (Record.HandedOn) was refused
// from there, several messages, of several senders' domains. A customer of a mail provider
// has a domain or two, whom many send through; a forwarder has those of everybody who
// writes to its users. A sender of spam can imitate all that, so this is a hint.
const (
	maxRelays    = 4096 // that are counted at a time
	leastRefused = 3    // that make a host stand out
	leastDomains = 3
	maxDomains   = 20 // that are counted of a host
)

// Relay is a host that seems to hand on mail of others. All counts are of mail that bears
// a sign of that.
type Relay struct {
	Client  string `json:"client"` // as in Clients
	Name    string `json:"name,omitempty"`
	Refused int    `json:"refused"`
	Domains int    `json:"sender_domains"` // of what was refused; at most maxDomains
	Passed  int    `json:"passed"`

	domains []string
}

// relays are those that were seen.
type relays struct{ seen map[string]*Relay }

// add counts a Record. Mail of forwarders that are known is left out.
func (r *relays) add(s Stored) {
	v := &s.Verdict
	if !s.HandedOn || s.Hashed || strings.Contains(v.Policy, filter.ForwarderSuffix) {
		return
	}
	c := r.of(clientKey(&s.Envelope.Client))
	c.Name = cmp.Or(strings.Clone(s.Envelope.Client.Name), c.Name)
	switch {
	case v.Would.Passes():
		c.Passed++
	case refused(v):
		c.Refused++
		c.domain(s.Envelope.Sender)
	}
}

// of is the host with that key.
func (r *relays) of(key string) *Relay {
	if c, known := r.seen[key]; known {
		return c
	}
	if r.seen == nil {
		r.seen = map[string]*Relay{}
	}
	if len(r.seen) >= maxRelays {
		r.thin()
	}
	c := &Relay{Client: key}
	r.seen[key] = c
	return c
}

// thin forgets the half that stands out least.
func (r *relays) thin() {
	for _, c := range r.ordered()[maxRelays/2:] {
		delete(r.seen, c.Client)
	}
}

func (r *relays) ordered() []*Relay {
	all := make([]*Relay, 0, len(r.seen))
	for _, c := range r.seen {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *Relay) int {
		return cmp.Or(cmp.Compare(b.Refused, a.Refused), cmp.Compare(b.Passed, a.Passed), cmp.Compare(a.Client, b.Client))
	})
	return all
}

// domain counts those of senders. A bounce has none.
func (c *Relay) domain(sender string) {
	domain := senderDomain(sender)
	if domain != "" && len(c.domains) < maxDomains && len(domain) <= maxKey && !slices.Contains(c.domains, domain) {
		c.domains = append(c.domains, strings.Clone(domain))
	}
}

// senderDomain is that of a sender. What a forwarder has rewritten (SRS) is in its own
// domain; the one that is meant stands in the user's name: SRS0=hash=time=domain=user and
// SRS1=hash=host==hash=time=domain=user.
func senderDomain(sender string) string {
	user, domain := filter.Originator(sender), ""
	if at := strings.LastIndexByte(user, '@'); at >= 0 {
		user, domain = user[:at], user[at+1:]
	}
	parts := strings.Split(user, "=")
	switch {
	case strings.HasPrefix(user, "srs0") && len(parts) > 4:
		return parts[3]
	case strings.HasPrefix(user, "srs1") && len(parts) > 7:
		return parts[6]
	}
	return domain
}

// first are the n that stand out most.
func (r *relays) first(n int) []Relay {
	all := []Relay{}
	for _, c := range r.ordered() {
		if c.Domains = len(c.domains); c.Refused >= leastRefused && c.Domains >= leastDomains && c.Client != labelOfNobody && len(all) < n {
			all = append(all, *c)
		}
	}
	return all
}

// AboutRelays is what to do about such hosts, in a few words.
func AboutRelays() string {
	return "What you refuse there becomes their bounce, mostly to a forged sender. Put those that " +
		"you know into policy.forwarders, and into SpamAssassin's trusted_networks: their mail is then " +
		"marked at most. A sender of spam can look the same: those that you do not know, leave as they are."
}

package journal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"regexp"
	"strings"

	"proxyfilter/filter"
)

// hashMark begins what was an address.
const hashMark = "h:"

// hashBytes is the length of a hash. With 80 bits no two of the addresses that one
// site ever sees have the same.
const hashBytes = 10

// hasher turns addresses into something that only who knows the address, and has
// the key, can find again.
type hasher struct{ key []byte }

// address hashes an address, or a Message-ID. Case does not count: nobody who asks
// for an address knows how it was written. An empty one, as of bounces, stays.
func (h hasher) address(s string) string {
	if s == "" {
		return ""
	}
	mac := hmac.New(sha256.New, h.key)
	mac.Write([]byte(strings.ToLower(s)))
	return hashMark + hex.EncodeToString(mac.Sum(nil)[:hashBytes])
}

var (
	addressInText = regexp.MustCompile(`[^\s<>"'(),;:\[\]]+@[^\s<>"'(),;:\[\]]+`)
	ipInText      = regexp.MustCompile(`[0-9A-Fa-f]*[.:][0-9A-Fa-f]*[.:][0-9A-Fa-f.:]+`)
)

// text hashes the addresses in a text, and cuts those of clients.
func (h hasher) text(s string) string {
	if strings.Contains(s, "@") {
		s = addressInText.ReplaceAllStringFunc(s, h.address)
	}
	if strings.ContainsAny(s, ".:") {
		s = ipInText.ReplaceAllStringFunc(s, cutIP)
	}
	return s
}

// cutIP cuts what is an IP address. Servers of one's own network stay.
func cutIP(s string) string {
	for _, end := range endings(s) {
		addr, err := netip.ParseAddr(end)
		switch {
		case err != nil:
			continue
		case addr.IsPrivate() || addr.IsLoopback():
			return s
		}
		return network(addr).String() + s[len(end):]
	}
	return s
}

// endings are what may be an address, without what ends a sentence. That of an IPv6
// network ends in two colons itself.
func endings(s string) []string {
	sentence := strings.TrimRight(s, ".")
	return []string{sentence, strings.TrimSuffix(sentence, ":"), strings.TrimRight(s, ".:")}
}

// The lengths of a network, as German and other data protection offices ask for.
const (
	network4 = 24
	network6 = 48
)

// network is the first address of the client's network.
func network(addr netip.Addr) netip.Addr {
	bits := network6
	if addr = addr.Unmap(); addr.Is4() {
		bits = network4
	}
	p, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr()
}

// hostLabels is what is kept of a host's name: the labels in front of it often
// spell its address.
const hostLabels = 2

func cutHost(name string) string {
	if strings.HasPrefix(name, "[") {
		return "" // a literal address
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		return network(addr).String()
	}
	labels := strings.Split(name, ".")
	if len(labels) <= hostLabels {
		return name
	}
	return strings.Join(append([]string{"*"}, labels[len(labels)-hostLabels:]...), ".")
}

// entry hashes what leads to a person. Once is enough: it is done again to nothing.
func (h hasher) entry(e *Entry) {
	if e.Hashed {
		return
	}
	e.Hashed = true
	c := &e.Envelope.Client
	if c.Addr.IsValid() {
		c.Addr = network(c.Addr)
	}
	c.Name, c.Helo, c.Port = cutHost(c.Name), cutHost(c.Helo), ""
	e.Envelope.Sender = h.address(e.Envelope.Sender)
	for i, s := range e.Envelope.Recipients {
		e.Envelope.Recipients[i] = h.address(s)
	}
	e.Recipient = h.address(e.Recipient)
	e.MessageID = h.address(bareMessageID(e.MessageID))
	e.From, e.Subject = h.from(e.From), ""
	e.Reply, e.Err = h.text(e.Reply), h.text(e.Err)
	e.Verdict.Text = h.text(e.Verdict.Text)
	for i := range e.Verdict.Opinions {
		for j, s := range e.Verdict.Opinions[i].Recipients {
			e.Verdict.Opinions[i].Recipients[j] = h.address(s)
		}
	}
	for i := range e.Verdict.Findings {
		h.finding(&e.Verdict.Findings[i])
	}
}

// from keeps the addresses of a From field as hashes, and no name.
func (h hasher) from(field string) string {
	found := addressInText.FindAllString(field, -1)
	for i, s := range found {
		found[i] = h.address(s)
	}
	return strings.Join(found, ", ")
}

func (h hasher) finding(f *filter.Finding) {
	f.Text, f.Err = h.text(f.Text), h.text(f.Err)
	for i := range f.Labels { // an entry of a list may be an address
		f.Labels[i] = h.label(f, f.Labels[i])
	}
	for i, s := range f.Recipients {
		f.Recipients[i] = h.address(s)
	}
	for i := range f.Rules {
		f.Rules[i].Description = h.text(f.Rules[i].Description)
	}
	for i := range f.Assigned {
		a := &f.Assigned[i]
		a.Recipient, a.Err = h.address(a.Recipient), h.text(a.Err)
		a.Mailbox = "" // one's own name for a person
	}
}

// label hashes a label. The sender that an exception is for is known by its place: in him
// may be what ends an address in any other text.
func (h hasher) label(f *filter.Finding, s string) string {
	words := strings.SplitN(s, " ", 7) // "exception", and what filter.Exception.String has
	if f.Source != filter.ExceptionsName || len(words) < 7 {
		return h.text(s)
	}
	switch filter.ExceptionKind(words[5]) {
	case filter.ForSender:
		words[6] = h.address(words[6])
	case filter.ForSenderAndClient:
		client, sender, _ := strings.Cut(words[6], " ")
		words[6] = h.text(client) + " " + h.address(sender)
	default:
		words[6] = h.text(words[6])
	}
	return strings.Join(words, " ")
}

// bareMessageID is one without what stands around it, which people leave out.
func bareMessageID(s string) string { return strings.Trim(s, "<> \t") }

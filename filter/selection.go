package filter

import (
	"net/netip"
	"slices"
)

// Scope is one policy and the mail that is under it. A list with entries must have
// one for the message; an empty list has no say. The first front door is the
// listener "".
type Scope struct {
	Policy     Policy
	Recipients []string // "user@example.org", "example.org", "*.example.org"
	Clients    []netip.Prefix
	Listeners  []string
}

// Selection finds the most specific Scope for a recipient. What is compared, in
// this order, until there is a difference:
//
//  1. by what entry the scope lists the recipient: the address with its extension,
//     the address without it, the domain, the nearest parent domain, a parent of
//     that, and at last a scope that lists no recipients;
//  2. the network around the client: the longer prefix, and at last a scope that
//     lists no clients;
//  3. the listener: a scope that names it before one that names none;
//  4. the scope that stands first.
//
// The recipient comes first because he is the customer: what he has chosen holds
// whoever writes to him. A Selection does not change, and its size does not matter
// to a lookup. A nil one has no scopes.
type Selection struct {
	scopes      []Scope
	delimiters  string
	clients     []networks[struct{}] // of each scope
	byRecipient map[string][]int
	byClient    networks[[]int] // scopes without recipients
	rest        []int           // scopes without either
}

// NewSelection makes an index of the scopes. Delimiters are Postfix's
// recipient_delimiter: any of these characters begins an extension.
func NewSelection(scopes []Scope, delimiters string) *Selection {
	s := &Selection{
		scopes: scopes, delimiters: delimiters,
		clients: make([]networks[struct{}], len(scopes)), byRecipient: map[string][]int{},
	}
	for i, scope := range scopes {
		for _, p := range scope.Clients {
			s.clients[i].set(p, struct{}{})
		}
		switch {
		case len(scope.Recipients) > 0:
			for _, text := range scope.Recipients {
				name := entry(text)
				s.byRecipient[name] = once(s.byRecipient[name], i)
			}
		case len(scope.Clients) > 0:
			for _, p := range scope.Clients {
				s.byClient.set(p, once(s.byClient.get(p), i))
			}
		default:
			s.rest = append(s.rest, i)
		}
	}
	return s
}

// once adds the latest scope to a list that may have it as its last.
func once(among []int, latest int) []int {
	if n := len(among); n > 0 && among[n-1] == latest {
		return among
	}
	return append(among, latest)
}

// selected is a scope, and by what it was found.
type selected struct {
	scope     *Scope
	recipient string       // the entry; empty when the scope lists none
	client    netip.Prefix // likewise
	listener  bool         // the scope names the listener
}

// find looks for the scope of a recipient. With named, only scopes that name the
// listener count.
func (s *Selection) find(e *Envelope, names []string, named bool) (selected, bool) {
	if s == nil {
		return selected{}, false
	}
	look := lookout{selection: s, envelope: e, named: named, best: -1}
	for _, name := range names {
		if among := s.byRecipient[name]; len(among) > 0 && look.over(among) {
			return look.found(written(name)), true
		}
	}
	s.byClient.around(e.Client.Addr, func(_ netip.Prefix, among []int) bool { return !look.over(among) })
	if look.best < 0 {
		look.over(s.rest)
	}
	return look.found(""), look.best >= 0
}

// lookout is a search among scopes that list the recipient equally.
type lookout struct {
	selection *Selection
	envelope  *Envelope
	named     bool
	best      int // -1: none yet
	client    netip.Prefix
	listener  bool
}

// over looks at some scopes, in their order, and reports whether one applies.
func (l *lookout) over(among []int) bool {
	for _, i := range among {
		scope := &l.selection.scopes[i]
		client, listener := l.selection.clients[i].narrowest(l.envelope.Client.Addr), slices.Contains(scope.Listeners, l.envelope.Listener)
		switch {
		case len(scope.Clients) > 0 && !client.IsValid():
		case !listener && (l.named || len(scope.Listeners) > 0):
		case l.best < 0 || client.Bits() > l.client.Bits() || client.Bits() == l.client.Bits() && listener && !l.listener:
			l.best, l.client, l.listener = i, client, listener
		}
	}
	return l.best >= 0
}

func (l *lookout) found(recipient string) selected {
	if l.best < 0 {
		return selected{}
	}
	return selected{&l.selection.scopes[l.best], recipient, l.client, l.listener}
}

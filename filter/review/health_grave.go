package review

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// enough is the number of messages before which a share means nothing.
const enough = 20

// refusals watches for DNS lists that refuse to answer. SpamAssassin then asks such a
// list for five minutes no more (dns_block_time), so that on a busy server few messages
// show it, and a share would be small: three in an hour are enough, or among few
// messages on a server that has few. They are of three networks.
type refusals struct {
	messages int
	last     [3]refusal // the oldest first
	at       time.Time
}

type refusal struct {
	rule    string
	from    netip.Prefix
	at      time.Time
	message int
}

const refusalTime = time.Hour

func (w *refusals) add(m *seen, rule string) {
	w.messages++
	w.at = m.at
	if rule == "" {
		return
	}
	now := refusal{rule, network(m.client), m.at, w.messages}
	replaced := max(0, slices.IndexFunc(w.last[:], func(r refusal) bool { return r.from == now.from }))
	copy(w.last[replaced:], w.last[replaced+1:])
	w.last[len(w.last)-1] = now
}

func (w *refusals) ill() bool {
	first := &w.last[0]
	return w.messages >= enough && first.rule != "" &&
		(w.messages-first.message < enough || w.at.Sub(first.at) < refusalTime)
}

func (w *refusals) words() string {
	return fmt.Sprintf("a DNS list refuses to answer this server (%s, last at %s): most often the resolver is a public one, or asks too much",
		w.last[2].rule, w.last[2].at.Local().Format("15:04"))
}

// trusted watches for strangers who count as hosts of one's own. A client's address is
// in the Received field of one's own Postfix, so that no stranger can make it happen.
// Some hosts outside may be trusted on purpose: many networks are not.
type trusted struct {
	ring [100]verdictOn
	n    int // messages so far
	hits int // in the ring
}

type verdictOn struct {
	client netip.Addr
	hit    bool
}

func (w *trusted) add(m *seen) {
	at := &w.ring[w.n%len(w.ring)]
	if at.hit {
		w.hits--
	}
	if *at = (verdictOn{m.client, m.trusted}); m.trusted {
		w.hits++
	}
	w.n++
}

func (w *trusted) ill() bool {
	of := min(w.n, len(w.ring))
	if of < enough || w.hits*2 < of {
		return false
	}
	var from networks
	for i := range w.ring[:of] {
		if w.ring[i].hit {
			from.add(w.ring[i].client)
		}
	}
	return from.many()
}

func (w *trusted) words() string {
	return fmt.Sprintf("%d of the last %d messages from outside count as mail of your own hosts (ALL_TRUSTED): trusted_networks and internal_networks of SpamAssassin are wrong",
		w.hits, min(w.n, len(w.ring)))
}

// oneClient watches for a gateway that hides all clients behind its own address, as
// Docker's does: Postfix, and every test after it, then judges the gateway. Until another
// client has been seen few messages say it; later it may be the newsletter of a host
// inside, and it takes many, and an hour.
type oneClient struct {
	client netip.Addr
	first  time.Time
	at     time.Time
	n      int
	others bool // some other client was seen before
}

const (
	gatewayFresh = 50
	gatewayLater = long
	gatewayTime  = time.Hour
)

func (w *oneClient) add(m *seen) {
	if m.own || m.cut || !m.client.IsValid() || m.client.IsLoopback() {
		return
	}
	if m.client != w.client || !private(m.client) {
		*w = oneClient{client: m.client, first: m.at, others: w.others || w.client.IsValid() || !private(m.client)}
	}
	w.n++
	w.at = m.at
}

func (w *oneClient) ill() bool {
	return private(w.client) &&
		(w.n >= gatewayFresh && !w.others || w.n >= gatewayLater && w.at.Sub(w.first) >= gatewayTime)
}

func (w *oneClient) words() string {
	return fmt.Sprintf("the last %d messages came from one private address, %s: a gateway hides all clients, and their addresses are not judged", w.n, w.client)
}

// drought watches for rules that ought to hit now and then, and have not in many
// messages from several networks.
type drought struct {
	n    int
	from networks
}

// long is how many messages: 500.
const long = 5 * 100

func (w *drought) add(m *seen, present bool) {
	if present {
		*w = drought{}
		return
	}
	w.n++
	w.from.add(m.client)
}

func (w *drought) ill() bool { return w.n >= long && w.from.many() }

// noNetwork is that no DNS list, no SPF record and no key has answered.
type noNetwork struct{ drought }

func (w *noNetwork) words() string {
	return fmt.Sprintf("no rule that asks the network has hit in the last %d messages from outside: spamd runs with -L, or its resolver does not answer", w.n)
}

// noBayes is that the classifier has given no opinion: it has learnt too little, or its
// database is another user's, or gone.
type noBayes struct{ drought }

func (w *noBayes) words() string {
	return fmt.Sprintf("no BAYES rule has hit in the last %d messages from outside: the classifier has learnt too little, or spamd does not find its database", w.n)
}

package review

import (
	"hash/maphash"

	"proxyfilter/filter"
)

// ByCorrespondent is evidence that only many Records together give: a user has written
// to the sender before, and SPF or DKIM says that it is he who sends.
const ByCorrespondent filter.Evidence = "correspondent"

// maxCorrespondents bounds the memory, to some 10 MB. Who comes later is a stranger.
const maxCorrespondents = 1 << 18

// correspondents are the addresses to which users have written. They are known by a
// hash: of a quarter of a million, two have the same once in half a billion reports.
type correspondents struct {
	seed  maphash.Seed
	known map[uint64]struct{}
}

// evidence is how a message is known to be wanted. It learns from what users send.
func (c *correspondents) evidence(s Stored) filter.Evidence {
	e := s.Wanted()
	switch {
	case e == filter.ByUser:
		c.learn(s.Envelope.Recipients)
	case e == "" && c.has(s.Envelope.Sender) && s.Verdict.SenderConfirmed():
		return ByCorrespondent
	}
	return e
}

func (c *correspondents) learn(recipients []string) {
	if c.known == nil {
		c.seed, c.known = maphash.MakeSeed(), map[uint64]struct{}{}
	}
	for _, r := range recipients {
		if len(c.known) < maxCorrespondents {
			c.known[maphash.String(c.seed, filter.Mailbox(r))] = struct{}{}
		}
	}
}

func (c *correspondents) has(sender string) bool {
	if len(c.known) == 0 || sender == "" {
		return false
	}
	_, known := c.known[maphash.String(c.seed, filter.Originator(sender))]
	return known
}

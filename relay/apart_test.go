package relay

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"proxyfilter/filter"
)

// mixing is a judge under which each recipient wants what his name says.
type mixing struct{ mixed filter.Mixed }

func wanted(recipient string) filter.Action {
	name, _, _ := strings.Cut(recipient, "@")
	for a := filter.Undecided; a <= filter.Reject; a++ {
		if a.String() == strings.TrimRight(name, "0123456789") {
			return a
		}
	}
	return filter.Undecided
}

func (m mixing) Weigh(_ context.Context, message filter.Message) filter.Verdict {
	var all []filter.Action
	for _, r := range message.Recipients {
		all = append(all, wanted(r))
	}
	action := m.mixed.Combine(all...)
	return filter.Verdict{Action: action, Would: action, Reason: filter.Score, Text: "no"}
}

func (m mixing) Apart(e filter.Envelope, recipient string) bool {
	return m.mixed == filter.Split && wanted(recipient) != wanted(e.Recipients[0])
}

// TestNobodyIsTold250WithoutGettingTheMail plays every three recipients under every
// three policies, each way of mixing them, with the next hop asked late and early.
func TestNobodyIsTold250WithoutGettingTheMail(t *testing.T) {
	actions := []filter.Action{filter.Undecided, filter.Accept, filter.Tag, filter.Defer, filter.Reject}
	for _, atMail := range []bool{false, true} {
		for _, mixed := range []filter.Mixed{filter.Lenient, filter.Strict, filter.Split} {
			t.Run(fmt.Sprint("at mail ", atMail, ", mixed ", mixed), func(t *testing.T) {
				c := newChain(t, func(c *chain) {
					c.server.AtMail = atMail
					c.server.Judge = func() Judge { return mixing{mixed} }
				})
				defer c.end()
				for _, a := range actions {
					for _, b := range actions {
						for _, d := range actions {
							c.mixture(mixed, a, b, d)
						}
					}
				}
			})
		}
	}
}

// mixture sends one message to three recipients, and to those that are told to come
// again another, as a client does, until all have had an answer.
func (c *chain) mixture(mixed filter.Mixed, actions ...filter.Action) {
	c.t.Helper()
	var left []string
	for i, a := range actions {
		left = append(left, fmt.Sprintf("%v%d@example.org", a, i))
	}
	for tries := 0; len(left) > 0; tries++ {
		if tries == len(actions) {
			c.t.Fatalf("%v under %d: %v never have an answer", actions, mixed, left)
		}
		before, records := len(c.hop.Report().Delivered()), len(c.recorded())
		taken, later, reply := c.transaction(left)
		var want []filter.Action
		for _, r := range taken {
			want = append(want, wanted(r))
		}
		delivered := c.hop.Report().Delivered()[before:]
		switch {
		case mixed != filter.Split && len(later) > 0:
			c.t.Errorf("%v: %v were told to come again", actions, later)
		case reply[0] == '2' && (len(delivered) != 1 || !slices.Equal(delivered[0].Recipients, bracketed(taken))):
			c.t.Errorf("%v: told %q, delivered %v", actions, reply, delivered)
		case reply[0] != '2' && len(delivered) > 0:
			c.t.Errorf("%v: told %q, and delivered %v", actions, reply, delivered)
		case mixed.Combine(want...).Passes() != (reply[0] == '2'), (mixed.Combine(want...) == filter.Reject) != (reply[0] == '5'):
			c.t.Errorf("%v: %v was told %q", actions, taken, reply)
		}
		if got := len(c.recorded()) - records; got != 1+len(later) {
			c.t.Errorf("%v: %d records of one message and %d recipients told to come again", actions, got, len(later))
		}
		left = later
	}
}

// transaction is one conversation. It returns who was taken, who was told to come
// again, and the reply to the message.
func (c *chain) transaction(to []string) (taken, later []string, reply string) {
	p := c.dial()
	defer p.close()
	p.say("EHLO mx.test", "250")
	p.say("MAIL FROM:<a@example.net>", "250")
	for _, r := range to {
		p.write("RCPT TO:<" + r + ">\r\n")
		switch said := p.reply(); {
		case strings.HasPrefix(said, "250"):
			taken = append(taken, r)
		case strings.HasPrefix(said, "452 4.5.3 "):
			later = append(later, r)
		default:
			c.t.Errorf("%s: %q", r, said)
		}
	}
	p.say("DATA", "354")
	p.write("Subject: x\r\n\r\n.\r\n")
	reply = p.reply()
	p.say("QUIT", "221")
	return taken, later, reply
}

func bracketed(all []string) []string {
	var out []string
	for _, s := range all {
		out = append(out, "<"+s+">")
	}
	return out
}

func TestOnlySoManyRecipientsAreToldToComeAgain(t *testing.T) {
	c := newChain(t, func(c *chain) { c.server.Judge = func() Judge { return mixing{filter.Split} } })
	defer c.end()
	to := []string{"accept@example.org"}
	for i := range 3 * maxApart {
		to = append(to, fmt.Sprintf("reject%d@example.org", i))
	}
	taken, later, reply := c.transaction(to)
	if len(later) != maxApart || len(taken) != len(to)-maxApart {
		t.Errorf("%d taken, %d later", len(taken), len(later))
	}
	if reply[0] != '2' { // one who accepts, decided as lenient
		t.Errorf("told %q", reply)
	}
	for _, r := range c.recorded()[:maxApart] {
		if r.Recipient == "" || r.Verdict.Reason != filter.Apart || r.Verdict.Action != filter.Defer || !strings.HasPrefix(r.Reply, "452 4.5.3 ") {
			t.Errorf("%+v", r)
		}
	}
}

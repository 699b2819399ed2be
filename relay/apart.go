package relay

import (
	"proxyfilter/filter"
	"proxyfilter/relay/wire"
)

// divider is a Judge that may want the recipients of a transaction to be under one
// policy. filter.Judge is one.
type divider interface {
	// Apart reports that a further recipient needs a transaction of its own.
	Apart(e filter.Envelope, recipient string) bool
}

// maxApart bounds the recipients of one transaction that are told to come again.
// Postfix counts each as an error of its client: from smtpd_soft_error_limit on
// (10) it lets him wait a second for each reply, and at smtpd_hard_error_limit (20)
// it hangs up (smtpd.c), so that the transaction would never come to its end, today
// or in a retry. The recipients beyond are taken, and decided about together.
const maxApart = 8

// apart refuses a recipient whose policy is not that of those before, for now. It
// is 452 4.5.3, "too many recipients", which every client answers with a further
// transaction (RFC 5321 4.5.3.1.10).
func (s *session) apart(t *transaction, recipient string) (wire.Reply, bool) {
	if len(t.rcpts) == 0 || t.apart >= maxApart {
		return wire.Reply{}, false
	}
	judge, divides := s.srv.Judge().(divider)
	if !divides || !judge.Apart(t.env, recipient) {
		return wire.Reply{}, false
	}
	t.apart++
	reply := referred(text(452, "4.5.3 Error: this recipient needs a transaction of its own, try again"), t.env.ID)
	s.srv.settle(t, &result{verdict: relayVerdict(filter.Defer, filter.Apart), reply: reply, recipient: recipient})
	return reply, true
}

package relay

import (
	"context"

	"proxyfilter/filter"
	"proxyfilter/relay/wire"
)

// visit is a transaction with the next hop that was opened at MAIL: the price
// of asking it for each recipient is a connection held while the remote client
// sends and the message is weighed.
type visit struct {
	next *NextHop
	hop  *hop // nil when it is over
	err  error
}

// visitMail opens the next hop and says MAIL to it.
func (s *session) visitMail(t *transaction) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.srv.Budget.Commit)
	defer cancel()
	next := s.front.door.NextHop
	reply, visit, err := next.visit(ctx, t)
	if visit != nil && reply.Class() == 2 {
		t.visit = visit
		s.front.answer(reply)
		return nil
	}
	// Postfix gives this reply to each RCPT, and tries MAIL again with the next. So
	// each is a refusal that somebody hears of and may ask about, though no recipient
	// is known yet.
	s.txn = nil
	s.front.engage(false)
	out := refusal(reply)
	if err != nil {
		out = next.lost(ctx, err)
	}
	return s.reply(s.turnedAway(t, out, ""))
}

// turnedAway records that the next hop did not want MAIL, or a recipient, and gives
// the reply to it.
func (s *session) turnedAway(t *transaction, out outcome, recipient string) wire.Reply {
	action := filter.Defer
	if out.reply.Class() == 5 {
		action = filter.Reject
	}
	if out.reason != filter.HopRefused {
		out.reply = referred(out.reply, t.env.ID)
	}
	s.srv.settle(t, &result{
		verdict: relayVerdict(action, out.reason), reply: out.reply, err: out.err, recipient: recipient,
	})
	return out.reply
}

// visit connects and says MAIL; once more if a kept connection has died.
func (n *NextHop) visit(ctx context.Context, t *transaction) (wire.Reply, *visit, error) {
	h, err := n.take(ctx)
	if err != nil {
		return wire.Reply{}, nil, err
	}
	reply, err := n.begin(ctx, h, t)
	if h.reused && (isAway(err) || reply.Code == 421) {
		if h, err = n.fresh(ctx, h); err != nil {
			return wire.Reply{}, nil, err
		}
		reply, err = n.begin(ctx, h, t)
	}
	if err != nil || reply.Class() != 2 {
		n.drop(h)
		return reply, nil, err
	}
	return reply, &visit{next: n, hop: h}, nil
}

func (n *NextHop) begin(ctx context.Context, h *hop, t *transaction) (wire.Reply, error) {
	if err := n.present(h, t.forward); err != nil {
		return wire.Reply{}, err
	}
	f := flight{hop: h}
	for line := range h.forward(t.forward) {
		f.board(line, (*flight).indifferent)
	}
	if err := f.land(); err != nil {
		return wire.Reply{}, err
	}
	return h.askAlone(ctx, t.mail)
}

// askAlone is ask, if nothing waits to be read. What does would be taken for the
// answer, and each later answer for that to the command before it, so that one
// recipient's refusal would be told to another.
func (h *hop) askAlone(ctx context.Context, line string) (wire.Reply, error) {
	if err := h.silent(); err != nil {
		return wire.Reply{}, err
	}
	h.until(ctx)
	return h.ask(line)
}

// visitRcpt asks the next hop for one recipient. Its refusal is the answer, and
// has a Record of its own.
func (s *session) visitRcpt(t *transaction, line string) (wire.Reply, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), s.srv.Budget.Commit)
	defer cancel()
	reply, err := t.visit.ask(ctx, line)
	if err == nil && reply.Class() == 2 {
		s.front.answer(reply)
		return reply, true
	}
	out := refusal(reply)
	if err != nil {
		out = t.visit.next.lost(ctx, err)
	}
	return s.turnedAway(t, out, address(line)), false
}

// ask says one command. After a failure it fails for good.
func (v *visit) ask(ctx context.Context, line string) (wire.Reply, error) {
	if v.hop == nil {
		return wire.Reply{}, v.err
	}
	reply, err := v.hop.askAlone(ctx, line)
	if err != nil {
		v.abort()
		v.err = err
	}
	return reply, err
}

// deliver sends the content.
func (v *visit) deliver(commit context.Context, o order) outcome {
	reply, err := v.ask(commit, "DATA")
	switch {
	case err != nil:
		return v.next.lost(commit, err)
	case reply.Code != 354:
		v.abort()
		return refusal(reply)
	}
	h := v.hop
	v.hop = nil // finish gives it back
	return v.next.finish(h, commit, o)
}

// abort closes the connection: nothing half said may be delivered.
func (v *visit) abort() {
	if v.hop != nil {
		v.next.drop(v.hop)
		v.hop = nil
	}
}

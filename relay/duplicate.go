package relay

import (
	"time"

	"proxyfilter/filter"
)

// repeated answers a message that was sent before, if it was. It is not judged
// again, whatever the policy is by now: the next hop has it already.
func (s *session) repeated(r *result, before *earlier) bool {
	switch {
	case before == nil:
		return false
	case before.reply.Code == 0:
		r.verdict.Action, r.reply = filter.Defer, pendingReply()
	default:
		r.verdict.Action, r.reply = filter.Accept, before.reply
		r.queueID = queueID(before.reply)
	}
	r.verdict.Would, r.verdict.Reason = r.verdict.Action, filter.Duplicate // the findings, if there are any, stay
	r.original = before.id
	return true
}

// took notes that the next hop has the message, and waits for Postfix to show that
// it has heard; as a rule that is QUIT. After a slow answer that is not enough.
func (s *session) took(a *attempt, r *result) {
	a.taken(r.reply)
	if time.Since(r.received) > slowAnswer {
		a.remember()
		return
	}
	s.unheard = a
	s.front.heard = func() {
		s.unheard.forget()
		s.unheard = nil
	}
}

// unanswered ends a conversation. If Postfix said nothing after our 250, it may
// not have got it.
func (s *session) unanswered() {
	if s.unheard == nil {
		return
	}
	s.srv.Log.Info().Str("id", s.unheard.id).
		Msg("the connection ended without QUIT: Postfix may not know that the message was taken, so its retry is answered, and not delivered")
	s.unheard.remember()
	s.unheard = nil
}

package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"proxyfilter/filter"
	"proxyfilter/relay/wire"
)

// result is what happened to a message, on its way to its Record.
type result struct {
	verdict     filter.Verdict
	reply       wire.Reply
	err         error
	recipient   string // the one it is about, if not all
	queueID     string
	received    time.Time // the end of data; zero if there was none
	decided     time.Time // the verdict; zero if there was none
	size        int64
	header      header
	fingerprint filter.Fingerprint // zero when the message is like others
	original    string             // the reference of the same message, sent before
	anomalies   wire.Anomalies
	said        judged // the judge's alone until it has answered
}

// message takes a message from Postfix and gives the one reply to it. An error
// means that the connection is closed already.
func (s *session) message(t *transaction) (wire.Reply, error) {
	spool := &spooled{spool: s.srv.Spool, limit: s.srv.limit(s.front.door)}
	defer spool.Close()
	anomalies, err := s.front.content(spool)
	if errors.Is(err, errGone) {
		return wire.Reply{}, err // Reset makes the Record: aborted
	}
	// By pointer from here on: thousands of these stacks wait side by side.
	r := &result{received: spool.ended(time.Now()), size: spool.Size(), anomalies: anomalies, err: err}
	if len(s.front.in) > 0 {
		return s.interrupted(t, r, errExcess)
	}
	if !s.acceptable(t, r, spool) {
		return s.conclude(t, r)
	}
	t.env.Client.Authenticated = r.header.authenticated
	s.fingerprint(t, r, spool)
	if s.repeated(r, s.srv.guard.recall(s.front.door.NextHop.mark(r.fingerprint))) {
		return s.conclude(t, r)
	}
	switch err := s.weigh(t, r, spool); {
	case errors.Is(err, errRescued):
		return wire.Reply{}, err
	case err != nil:
		return s.interrupted(t, r, err)
	}
	if !r.verdict.Action.Passes() {
		r.reply = verdictReply(r.verdict, t.env.ID)
		return s.conclude(t, r)
	}
	s.carry(t, r, spool)
	if errors.Is(r.err, errGone) || errors.Is(r.err, errExcess) {
		return s.interrupted(t, r, r.err)
	}
	return s.conclude(t, r)
}

// acceptable makes the checks that need no scanner. If one fails, r says so.
func (s *session) acceptable(t *transaction, r *result, spool *spooled) bool {
	refuse := func(action filter.Action, reason filter.Reason, reply wire.Reply) bool {
		r.verdict, r.reply = relayVerdict(action, reason), reply
		return false
	}
	switch {
	case errors.Is(r.err, errTooBig):
		return refuse(filter.Reject, filter.TooBig, text(552, "5.3.4 Message too big"))
	case r.err != nil:
		return refuse(filter.Defer, filter.Internal, brokenReply())
	}
	reader := s.srv.readers.take()
	r.header = readHeader(spool, reader, s.own(t))
	s.srv.readers.give(reader)
	if r.err = r.header.err; r.err != nil { // what was not seen is not known to be harmless
		return refuse(filter.Defer, filter.Internal, brokenReply())
	}
	odd := r.anomalies.BareCR + r.anomalies.BareLF + r.anomalies.ExtraCR
	switch {
	case r.header.received > maxReceived:
		return refuse(filter.Reject, filter.Loop, text(554, "5.4.6 Too many hops: this looks like a mail loop"))
	case len(r.header.forged) > maxForged:
		return refuse(filter.Reject, filter.Malformed, text(550, "5.6.0 Message header is malformed"))
	case s.srv.Hygiene == Strict && odd > 0:
		return refuse(filter.Reject, filter.Malformed, text(550, "5.6.11 Message contains bare CR or LF"))
	}
	return true
}

// own is what the header of a message may not have. Whoever is in Postfix's own
// networks may have authenticated it before us (RFC 8601 1.6, the trust boundary).
func (s *session) own(t *transaction) (own Own) {
	if s.srv.Own != nil {
		own = s.srv.Own()
	}
	if t.env.Client.Local {
		own.AuthServ = ""
	}
	return own
}

// fingerprint makes the message known should it come again. Without one it is
// merely not recognised, so a spool that cannot be read, or not before the time for
// a verdict is over, is found out by others.
func (s *session) fingerprint(t *transaction, r *result, spool *spooled) {
	if !r.header.distinct() {
		return
	}
	buffer := s.srv.buffers.take()
	defer s.srv.buffers.give(buffer)
	below := r.header.below
	content := timely{io.NewSectionReader(spool, below, spool.Size()-below), r.received.Add(s.srv.Budget.Verdict)}
	r.fingerprint, _ = t.env.Fingerprint(content, (*buffer)[:0])
}

// timely is a reader up to a moment.
type timely struct {
	io.Reader
	until time.Time
}

func (r timely) Read(p []byte) (int, error) {
	if !time.Now().Before(r.until) {
		return 0, fmt.Errorf("read the message: %w", os.ErrDeadlineExceeded)
	}
	return r.Reader.Read(p)
}

// weigh asks the judge, and listens to Postfix if that takes long. It returns an
// error if Postfix does not wait any more.
func (s *session) weigh(t *transaction, r *result, spool *spooled) error {
	limit := r.received.Add(s.srv.Budget.Verdict)
	ctx, stop := context.WithDeadline(context.Background(), limit)
	defer stop()
	w := watch{session: s, txn: t, result: r, spool: spool, limit: limit, stop: stop}
	w.begin()
	s.judge(ctx, t, r, spool)
	heard := w.end()
	if !errors.Is(heard, errRescued) { // else r is used up
		r.verdict, r.err, r.decided = r.said.verdict, r.said.err, time.Now()
	}
	return heard
}

// judged is what the judge has said, or why it could not.
type judged struct {
	verdict filter.Verdict
	err     error
}

// judge contains a panic: it costs this message a retry.
func (s *session) judge(ctx context.Context, t *transaction, r *result, spool *spooled) {
	defer func() {
		if p := recover(); p != nil {
			s.srv.Log.Error().Str("id", t.env.ID).Str("panic", fmt.Sprint(p)).Bytes("stack", debug.Stack()).Msg("judge")
			r.said = judged{relayVerdict(filter.Defer, filter.Internal), fmt.Errorf("judge: panic: %v", p)}
		}
	}()
	r.said.verdict = s.srv.Judge().Weigh(ctx, filter.Message{
		Envelope: t.env, Content: spool, Received: r.received, Fingerprint: r.fingerprint,
	})
}

// carry delivers a message that has passed, unless another attempt at it has gone
// before meanwhile.
func (s *session) carry(t *transaction, r *result, spool *spooled) {
	a, before := s.srv.guard.attempt(s.front.door.NextHop.mark(r.fingerprint), t.env.ID)
	if s.repeated(r, before) {
		return
	}
	defer a.leave()
	commit, cancel := context.WithDeadline(context.Background(), r.received.Add(s.srv.Budget.Commit))
	defer cancel()
	fields, changes := r.header.marked(&r.verdict)
	o := order{
		forward: t.forward, mail: t.mail, rcpts: t.rcpts, look: s.front.look,
		reply: r.received.Add(s.srv.Budget.Reply), late: a != nil,
		content: carried(printFields(fields, t.env.ID), changes, spool),
	}
	var out outcome
	if t.visit != nil {
		out = t.visit.deliver(commit, o)
	} else {
		out = s.front.door.NextHop.deliver(commit, o)
	}
	r.reply, r.err, r.queueID = out.reply, out.err, queueID(out.reply)
	switch {
	case out.accepted():
		s.took(a, r)
		return
	case out.later != nil:
		s.srv.guard.await(a, out.later)
	}
	r.verdict.Reason, r.verdict.Action = out.reason, filter.Defer
	if out.reply.Class() == 5 {
		r.verdict.Action = filter.Reject
	}
	r.verdict.Would = r.verdict.Action // what the policy would have done is of no account
}

// conclude ends a message, after a last look at Postfix. What the next hop has
// taken stays taken; but what Postfix has said meanwhile is no command.
func (s *session) conclude(t *transaction, r *result) (wire.Reply, error) {
	err := s.front.look()
	switch {
	case err == nil:
	case r.reply.Class() != 2:
		return s.interrupted(t, r, err)
	default:
		r.err, s.front.hangUp = err, true
		s.alarm(t, err)
	}
	return s.settle(t, r), nil
}

// alarm is loud about bytes out of turn.
func (s *session) alarm(t *transaction, err error) {
	if errors.Is(err, errExcess) {
		s.srv.Log.Error().Str("id", t.env.ID).Stringer("client", t.env.Client.Addr).
			Msg("bytes came after the end of data and before the reply: Postfix never does that, look for smuggling")
	}
}

// interrupted ends a message for which Postfix does not wait any more, or during
// which it spoke when it had to listen. The connection ends with it: what lies
// in it may be somebody's content.
func (s *session) interrupted(t *transaction, r *result, err error) (wire.Reply, error) {
	r.err = err
	r.verdict.Action, r.verdict.Would, r.verdict.Reason = filter.Defer, filter.Defer, filter.Gone
	s.alarm(t, err)
	if errors.Is(err, errExcess) {
		s.front.hangUp = true
		r.verdict.Reason, r.reply = filter.Malformed, excessReply()
		return s.settle(t, r), nil
	}
	s.srv.settle(t, r)
	s.front.shut()
	return wire.Reply{}, err
}

// settle makes the Record of a message and adds the reference to the reply.
func (s *session) settle(t *transaction, r *result) wire.Reply {
	if r.queueID == "" && r.verdict.Reason != filter.HopRefused {
		r.reply = referred(r.reply, t.env.ID)
	}
	s.srv.settle(t, r)
	return r.reply
}

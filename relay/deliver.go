package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"proxyfilter/filter"
	"proxyfilter/relay/wire"
)

// outcome is how a message fared at the next hop.
type outcome struct {
	reply  wire.Reply
	reason filter.Reason // empty when it was accepted
	err    error         // what the administrator should know

	// later, unless it is nil, awaits the reply to the final dot, which has not
	// come in time. It must be called.
	later func(context.Context) outcome
}

func (o outcome) accepted() bool { return o.reason == "" }

// order is one message for the next hop.
type order struct {
	forward wire.Forward
	mail    string   // the commands, as Postfix sent them
	rcpts   []string // likewise
	content io.Reader
	look    func() error // whether Postfix still listens; asked directly before the final dot
	reply   time.Time    // until then the reply to the final dot is awaited
	late    bool         // a reply that comes later is of use
}

// maxFlight bounds what is sent before replies are read: more, and both sides
// could be stuck in a write.
const maxFlight = 100

// deliver carries one message to the next hop and gives its answer. The commit
// context ends the time in which the final dot may leave.
func (n *NextHop) deliver(commit context.Context, o order) outcome {
	h, err := n.take(commit)
	if err != nil {
		return n.lost(commit, err)
	}
	refused, err := n.open(h, o)
	if again(h, refused, err) {
		if h, err = n.fresh(commit, h); err != nil {
			return n.lost(commit, err)
		}
		refused, err = n.open(h, o)
	}
	switch {
	case err != nil:
		n.drop(h)
		return n.lost(commit, err)
	case refused != nil:
		n.drop(h) // after 354 the only way out
		return refusal(*refused)
	}
	return n.finish(h, commit, o)
}

// again says whether the transaction may be tried once more: a connection that
// was kept may have died, or be told 421, before any content was sent.
func again(h *hop, refused *wire.Reply, err error) bool {
	if !h.reused {
		return false
	}
	return isAway(err) || (refused != nil && refused.Code == 421)
}

// open brings a connection to the point where content may follow. A refusal is
// the reply that Postfix gets.
func (n *NextHop) open(h *hop, o order) (refused *wire.Reply, err error) {
	if err := n.present(h, o.forward); err != nil {
		return nil, err
	}
	f := flight{hop: h}
	for line := range h.forward(o.forward) {
		f.board(line, (*flight).indifferent)
	}
	f.board(o.mail, (*flight).accepted)
	for _, line := range o.rcpts {
		f.board(line, (*flight).accepted)
	}
	f.board("DATA", (*flight).invited)
	err = f.land()
	if f.refused == nil && err == nil && h.extra() {
		err = errOdd
	}
	if f.refused != nil {
		return f.refused, nil // it was said; that the connection broke afterwards is no news
	}
	return nil, err
}

// flight is a group of commands that leave in one write, and whose replies are
// read together (RFC 2920). Without PIPELINING each is alone.
type flight struct {
	hop     *hop
	replies []func(*flight, wire.Reply) // what becomes of each reply that is due
	refused *wire.Reply
	err     error // nothing can be said any more
}

// board adds a command, and sends what has been collected if it must. An error
// stays with the flight, and land tells it.
func (f *flight) board(line string, heard func(*flight, wire.Reply)) {
	f.hop.command(line)
	f.replies = append(f.replies, heard)
	if !f.hop.pipelining || len(f.replies) >= maxFlight {
		f.land()
	}
}

// land sends what was collected and reads all replies to it.
func (f *flight) land() error {
	if f.err != nil || len(f.replies) == 0 {
		f.hop.out = f.hop.out[:0]
		return f.err
	}
	f.err = f.hop.send()
	for _, heard := range f.replies {
		if f.err != nil {
			break
		}
		var reply wire.Reply
		if reply, f.err = f.hop.read(); f.err == nil {
			heard(f, reply)
		}
	}
	f.replies = f.replies[:0]
	return f.err
}

// indifferent hears the reply to XFORWARD. A refusal is ignored: the log then
// lacks a name, and the mail arrives. But 421 is an end.
func (f *flight) indifferent(reply wire.Reply) {
	if reply.Code == 421 {
		f.refuse(reply)
	}
}

// accepted hears the reply to MAIL or RCPT.
func (f *flight) accepted(reply wire.Reply) {
	if reply.Class() != 2 {
		f.refuse(reply)
	}
}

// invited hears the reply to DATA. What RCPT was told says more than "no valid
// recipients".
func (f *flight) invited(reply wire.Reply) {
	if reply.Code != 354 && f.refused == nil {
		f.refused = &reply
	}
}

// refuse keeps the refusal that counts: the first one, but a temporary one
// before a permanent one, because the whole message gets this answer and one
// recipient's full disk must not bounce it for all.
func (f *flight) refuse(reply wire.Reply) {
	if f.refused == nil || (f.refused.Class() == 5 && reply.Class() == 4) {
		f.refused = &reply
	}
}

// finish sends the content, looks at Postfix, sends the final dot and reads the
// one reply to it.
func (n *NextHop) finish(h *hop, commit context.Context, o order) outcome {
	h.until(commit)
	if err := h.content(o.content, &n.buffers, func() error { return ready(commit, h.silent, o.look) }); err != nil {
		n.drop(h)
		return n.lost(commit, err)
	}
	h.conn.SetDeadline(o.reply)
	answer, err := h.read()
	if o.late && errors.Is(err, os.ErrDeadlineExceeded) {
		if later := n.later(h); later != nil {
			err = fmt.Errorf("after the final dot, and still awaited: %w", err)
			return outcome{reply: awayReply(), reason: filter.HopLost, err: err, later: later}
		}
	}
	return n.answered(h, answer, err)
}

// answered is what the reply to the final dot means, and where the connection
// goes. Without a reply nobody knows what became of the message: a second copy is
// then the smaller evil.
func (n *NextHop) answered(h *hop, answer wire.Reply, err error) outcome {
	switch {
	case err != nil:
		n.drop(h)
		return outcome{reply: awayReply(), reason: filter.HopLost, err: fmt.Errorf("after the final dot: %w", err)}
	case h.extra():
		// Two replies to one message: the second is to commands that were
		// content. The first still tells what became of this message.
		n.Log.Error().Stringer("reply", answer).Strs("more", replyCodes(h.in)).
			Msg("the next hop gave more than one reply to the final dot: it may have executed content")
		n.drop(h)
	case answer.Class() == 2 && answer.Code != 221:
		n.give(h)
	default:
		n.drop(h)
	}
	if answer.Class() == 2 {
		return outcome{reply: answer}
	}
	return refusal(answer)
}

// replyCodes are the codes of replies that nobody asked for. Their text stays out of
// the log: some servers repeat the command that they do not know, and here it would
// be content.
func replyCodes(b []byte) []string {
	var codes []string
	for line := range bytes.Lines(b) {
		code := "?"
		if len(line) > 3 && bytes.Trim(line[:3], "0123456789") == nil {
			code = string(line[:3])
		}
		if codes = append(codes, code); len(codes) == 10 {
			break
		}
	}
	return codes
}

// ready is what must hold in the moment in which the final dot leaves.
func ready(commit context.Context, silent, look func() error) error {
	if over(commit) {
		return fmt.Errorf("no time is left for the final dot: %w", context.DeadlineExceeded)
	}
	if err := silent(); err != nil {
		return err
	}
	return look()
}

// over says whether a context's time is up. The connection has the same
// deadline, and its timer may fire before the context's.
func over(ctx context.Context) bool {
	deadline, set := ctx.Deadline()
	return ctx.Err() != nil || set && !time.Now().Before(deadline)
}

// refusal passes the next hop's reply on, as one that Postfix can use. 421 and
// 521 would make it hang up on the remote client.
func refusal(reply wire.Reply) outcome {
	err := error(nil)
	switch {
	case reply.Code == 421:
		reply.Code = 451
	case reply.Code == 521:
		reply.Code = 554
	case reply.Class() != 4 && reply.Class() != 5:
		err = fmt.Errorf("the next hop answered %s", reply)
		return outcome{reply: awayReply(), reason: filter.HopLost, err: err}
	}
	return outcome{reply: reply, reason: filter.HopRefused}
}

// lost is what a failure before the final dot means. Nothing was accepted.
func (n *NextHop) lost(commit context.Context, err error) outcome {
	if errors.Is(err, errOdd) {
		n.Log.Error().Err(err).Str("next_hop", n.Address).
			Msg("a reply that nothing asked for: the next hop may have executed content")
	}
	switch {
	case errors.Is(err, errGone):
		return outcome{reason: filter.Gone, err: err}
	case errors.Is(err, errExcess):
		return outcome{reply: excessReply(), reason: filter.Malformed, err: err}
	case over(commit):
		return outcome{reply: awayReply(), reason: filter.Late, err: err}
	case errors.Is(err, errSpool):
		return outcome{reply: brokenReply(), reason: filter.Internal, err: err}
	}
	return outcome{reply: awayReply(), reason: filter.HopLost, err: err}
}

// queueID finds the queue id in Postfix's "250 2.0.0 Ok: queued as 4ABC".
func queueID(reply wire.Reply) string {
	if reply.Class() != 2 || len(reply.Lines) == 0 {
		return ""
	}
	_, id, found := strings.Cut(reply.Lines[len(reply.Lines)-1], "queued as ")
	id, _, _ = strings.Cut(id, " ")
	if !found || len(id) > 64 {
		return ""
	}
	return id
}

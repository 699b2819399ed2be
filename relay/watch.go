package relay

import (
	"errors"
	"sync"
	"time"

	"proxyfilter/filter"
	"proxyfilter/relay/wire"
)

// attention is how long a judge may take before somebody listens to Postfix
// meanwhile. Most verdicts come sooner, and need no second goroutine; who hung up
// is found out by the looks before the final dot and before the reply.
const attention = 20 * time.Millisecond

// stuck is how long a judge may ignore that its time is over. Then the message
// is deferred without it.
const stuck = 2 * time.Second

// errRescued is the end of a message that was answered without its judge.
var errRescued = errors.New("the judge ignores its context")

// watch listens to Postfix while the session waits for its judge. It ends the
// judge's context when nobody waits for the verdict any more, and answers in the
// session's place when the judge does not care.
type watch struct {
	session *session
	txn     *transaction
	result  *result
	spool   *spooled
	limit   time.Time // of the verdict
	stop    func()    // ends the judge's context
	timer   *time.Timer

	mu        sync.Mutex
	judged    bool          // the judge has answered
	listening bool          // and a wake ends it
	answered  chan struct{} // closed when the judge has; nil before run
	over      chan struct{} // closed when run has ended; likewise
	heard     error         // errGone, errExcess or errRescued
}

// begin starts the watch.
func (w *watch) begin() { w.timer = time.AfterFunc(attention, w.run) }

// end ends it, when the judge has answered. It returns what was heard of Postfix,
// or errRescued: then everything about the message is done and closed.
func (w *watch) end() error {
	if w.timer.Stop() {
		return nil
	}
	w.mu.Lock()
	w.judged = true
	over := w.over
	if over != nil {
		close(w.answered)
	}
	if w.listening {
		w.session.front.wake()
	}
	w.mu.Unlock()
	if over == nil {
		return nil
	}
	<-over
	return w.heard
}

func (w *watch) run() {
	w.mu.Lock()
	if w.judged {
		w.mu.Unlock()
		return
	}
	w.answered, w.over = make(chan struct{}), make(chan struct{})
	defer close(w.over)
	heard := w.session.front.listen(w.limit, func() {
		w.listening = true
		w.mu.Unlock()
	})
	w.mu.Lock()
	w.listening = false
	w.mu.Unlock()
	if heard == nil {
		return
	}
	if errors.Is(heard, errGone) || errors.Is(heard, errExcess) {
		w.heard = heard
		w.stop() // at the limit the context ends by itself: that is a timeout, and nobody has gone
	}
	select {
	case <-w.answered:
	case <-time.After(stuck):
		w.rescue()
	}
}

// rescue answers for a judge that ignores its context, and closes everything: the
// session is in the judge's hands, and finds nothing to do when it comes back.
func (w *watch) rescue() {
	w.mu.Lock()
	judged := w.judged
	w.mu.Unlock()
	if judged {
		return
	}
	s, r := w.session, w.result
	r.verdict, r.decided = relayVerdict(filter.Defer, filter.Internal), time.Now()
	var reply wire.Reply
	if w.heard != nil {
		reply, _ = s.interrupted(w.txn, r, w.heard)
	} else {
		r.err, r.reply = errRescued, brokenReply()
		reply = s.settle(w.txn, r)
	}
	if reply.Code != 0 {
		s.front.say(reply)
	}
	if w.txn.visit != nil {
		w.txn.visit.abort()
	}
	w.spool.Close()
	s.front.Close()
	w.heard = errRescued
}

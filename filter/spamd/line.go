package spamd

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"
)

// lane separates large mail from the rest.
type lane uint8

const (
	small lane = iota
	big
	lanes
)

// bigFrom is the size from which a message is large.
const bigFrom = 256 << 10

// line is where messages wait for slots: first come, first served, in two lanes.
// A waiting message is a list element, a channel and its own goroutine, which
// the caller has anyway: well under a kilobyte, and no timer thread.
type line struct {
	balance Balance
	servers []*server

	mu    sync.Mutex
	queue [lanes]list.List // of *waiter, by number
	pace  [lanes]pace
	count uint64
	turns uint64
}

// waiter is a place in line.
type waiter struct {
	lane   lane
	number uint64    // 0 until it first asks; kept for a second attempt
	avoid  *server   // the one that just failed, if there is a choice
	spent  []*server // that are not to be asked again
	until  time.Time
	got    chan *server // nil: hopeless
	scan   *scan        // nil once somebody else sees to its end, or if nobody may join it
}

// errBusy is the answer to a message that gets no slot in time.
var errBusy = errors.New("no slot in time")

// acquire waits for a slot. The error is errBusy or the context's.
func (l *line) acquire(ctx context.Context, w *waiter) (*server, error) {
	element, err := l.join(w)
	if err != nil {
		return nil, err
	}
	select {
	case v := <-w.got:
		return w.granted(v)
	default:
	}
	var late <-chan time.Time
	if !w.until.IsZero() {
		t := time.NewTimer(time.Until(w.until))
		defer t.Stop()
		late = t.C
	}
	select {
	case v := <-w.got:
		return w.granted(v)
	case <-late:
		err = errBusy
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, l.leave(w, element, err)
}

func (w *waiter) granted(v *server) (*server, error) {
	if v == nil {
		return nil, errBusy
	}
	return v, nil
}

// join takes a place in line, and gives out free slots.
func (l *line) join(w *waiter) (*list.Element, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := &l.queue[w.lane]
	again := w.number != 0
	var element *list.Element
	if again {
		element = ahead(q, w)
	} else {
		l.count++
		w.number, w.got = l.count, make(chan *server, 1)
		element = q.PushBack(w)
	}
	l.dispatch()
	if len(w.got) == 0 && !again && l.hopeless(w, q.Len()-1) {
		q.Remove(element)
		return nil, errBusy
	}
	return element, nil
}

// ahead puts a message back where it was: it has waited once.
func ahead(q *list.List, w *waiter) *list.Element {
	for e := q.Front(); e != nil; e = e.Next() {
		if e.Value.(*waiter).number > w.number {
			return q.InsertBefore(w, e)
		}
	}
	return q.PushBack(w)
}

// leave gives the place up. A slot that came at the same moment is passed on.
func (l *line) leave(w *waiter, e *list.Element, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case v := <-w.got: // and so it is no longer in the queue
		if v != nil {
			v.busy[w.lane]--
			l.dispatch()
		}
	default:
		l.queue[w.lane].Remove(e)
	}
	return err
}

// release frees a slot. took is 0 for a scan that says nothing about the pace.
func (l *line) release(v *server, w lane, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v.busy[w]--
	if took > 0 {
		l.pace[w].add(took)
	}
	l.dispatch()
	l.trim()
}

// detach notes that nobody waits for a scan any more; reattach, that it has ended.
func (l *line) detach(v *server, w lane, overdue bool) { l.attached(v, w, overdue, -1) }

func (l *line) reattach(v *server, w lane, overdue bool) { l.attached(v, w, overdue, 1) }

func (l *line) attached(v *server, w lane, overdue bool, change int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v.detached[w] -= change
	if overdue {
		v.overdue[w] -= change
	}
}

// tryAcquire takes a slot of this very server if one is free.
func (l *line) tryAcquire(v *server) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !v.free(small) {
		return false
	}
	v.busy[small]++
	return true
}

// dispatch gives free slots to those who wait, the earliest first.
func (l *line) dispatch() {
	for {
		var next *list.Element
		var to *server
		for i := range l.queue {
			e, v := l.first(&l.queue[i])
			if v != nil && (next == nil || e.Value.(*waiter).number < next.Value.(*waiter).number) {
				next, to = e, v
			}
		}
		if next == nil {
			return
		}
		w := next.Value.(*waiter)
		l.queue[w.lane].Remove(next)
		l.turns++
		to.busy[w.lane]++
		to.turn = l.turns
		w.got <- to
	}
}

// first is the earliest of a lane that a server is free for. Who has done with a
// server may have to wait for another one, and is passed by.
func (l *line) first(q *list.List) (*list.Element, *server) {
	for e := q.Front(); e != nil; e = e.Next() {
		w := e.Value.(*waiter)
		if v := l.pick(w); v != nil {
			return e, v
		}
		if len(w.spent) == 0 {
			break
		}
	}
	return nil, nil
}

// hopeless reports that the message's turn would come too late at the present
// pace. Every waiting message holds one smtpd of Postfix, so who waits in vain
// takes the place of somebody else.
func (l *line) hopeless(w *waiter, ahead int) bool {
	return !w.until.IsZero() && l.pace[w.lane].estimate(ahead, l.slots(w.lane)) > time.Until(w.until)
}

// trim sends away those at the end of a lane whose wait has become hopeless.
// The others lose nothing by it. It is milder than join by one round of all
// slots: who waits already must not fall to the order in which children end. The
// next round itself stays whatever the pace: scans that began together end
// together, and the first one's end says nothing about the time to the others'.
func (l *line) trim() {
	for i := range l.queue {
		q := &l.queue[i]
		for last := q.Back(); last != nil; last = q.Back() {
			w := last.Value.(*waiter)
			slots := l.slots(w.lane)
			ahead := q.Len() - 1 - slots
			if w.until.IsZero() || slots > 0 && ahead < 0 || !l.hopeless(w, ahead) {
				break
			}
			q.Remove(last)
			w.got <- nil
		}
	}
}

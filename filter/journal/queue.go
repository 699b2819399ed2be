package journal

import (
	"sync"
	"time"
)

// entry is a line that waits, with its place in the order of arrival.
type entry struct {
	line []byte
	at   uint64
}

// overhead is what an entry takes besides its line, roughly.
const overhead = 64

// queue holds lines in memory of bounded size. It has two rows, so that what is
// worth more can push out what is worth less without a search.
type queue struct {
	mu     sync.Mutex
	rows   [2]row // what may be dropped, and what is worth more
	size   int64  // bytes of both
	limit  int64
	next   uint64
	closed bool
	more   chan struct{} // something waits, or the end has come
	ended  chan struct{} // it is closed
}

// row is a first-in, first-out list.
type row struct {
	entries []entry
	head    int
}

func newQueue(limit int64) *queue {
	return &queue{limit: limit, more: make(chan struct{}, 1), ended: make(chan struct{})}
}

// put takes a copy of line. It returns how many lines were lost for it: itself,
// or others that may be dropped when it is worth more.
func (q *queue) put(line []byte, worth bool) (lost int) {
	need := int64(len(line)) + overhead
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 1
	}
	if worth {
		for q.size+need > q.limit && q.rows[0].len() > 0 {
			q.size -= int64(len(q.rows[0].pop().line)) + overhead
			lost++
		}
	}
	if q.size+need > q.limit {
		return lost + 1
	}
	to := &q.rows[0]
	if worth {
		to = &q.rows[1]
	}
	to.push(entry{append([]byte(nil), line...), q.next})
	q.next++
	q.size += need
	q.wake()
	return lost
}

func (q *queue) wake() {
	select {
	case q.more <- struct{}{}:
	default:
	}
}

// take waits for lines and returns some, in their order, behind dst: at most so
// many bytes unless the first one is longer. It reports false when the queue is
// closed and empty.
func (q *queue) take(dst []byte, most int) (lines []byte, count int, ok bool) {
	for {
		q.mu.Lock()
		for {
			r := q.first()
			if r == nil || count > 0 && len(dst)+len(r.front().line) > most {
				break
			}
			line := r.pop().line
			dst = append(dst, line...)
			q.size -= int64(len(line)) + overhead
			count++
		}
		closed := q.closed
		if q.first() != nil || closed {
			q.wake()
		}
		q.mu.Unlock()
		if count > 0 || closed {
			return dst, count, count > 0
		}
		<-q.more
	}
}

// first is the row whose next line came earlier; nil when both are empty.
func (q *queue) first() *row {
	a, b := &q.rows[0], &q.rows[1]
	switch {
	case a.len() == 0 && b.len() == 0:
		return nil
	case a.len() == 0:
		return b
	case b.len() == 0 || a.front().at < b.front().at:
		return a
	}
	return b
}

// pause lets lines gather for so long, unless the queue is closed.
func (q *queue) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-q.ended:
	}
}

// close lets take come to its end.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		close(q.ended)
	}
	q.closed = true
	q.wake()
}

func (r *row) len() int      { return len(r.entries) - r.head }
func (r *row) front() *entry { return &r.entries[r.head] }

// push adds to the end. A list that is never empty moves to the front of its
// memory now and then, or it would grow without end.
func (r *row) push(e entry) {
	if r.head > 0 && len(r.entries) == cap(r.entries) {
		n := copy(r.entries, r.entries[r.head:])
		clear(r.entries[n:])
		r.entries, r.head = r.entries[:n], 0
	}
	r.entries = append(r.entries, e)
}

// pop removes the front. Its place is cleared, so that the line can be freed, and
// the list starts anew when it is empty.
func (r *row) pop() entry {
	e := r.entries[r.head]
	r.entries[r.head] = entry{}
	if r.head++; r.head == len(r.entries) {
		r.entries, r.head = r.entries[:0], 0
	}
	return e
}

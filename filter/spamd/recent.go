package spamd

import (
	"container/list"
	"sync"
	"time"

	"proxyfilter/filter"
)

const (
	// recentFor is how long an answer serves. Postfix tries again after 5 to 10
	// minutes; an hour later, lists on the Internet may think otherwise.
	recentFor = 15 * time.Minute

	// mostRecent bounds the answers that are kept: each weighs one, and one more
	// for each of its rules. That is about a thousand messages, or 3 MB.
	mostRecent = 16 << 10
)

// recent knows the scans of the last minutes, so that a retry needs none of its
// own. A client tries again when it heard no verdict: spamd took too long, the
// next hop was away, the client itself hung up. The scan of its first attempt is
// paid for, and perhaps still under way (see Scanner.keep).
//
// Only answers are remembered. A scan that fails is over for everybody who has
// joined it, and each then asks for itself.
type recent struct {
	mu     sync.Mutex
	scans  map[subject]*scan // under way, or answered
	ended  list.List         // of *scan that are answered, the oldest first
	weight int               // of these
}

// subject is all that an answer depends on, apart from the server. The
// Fingerprint knows an IPv6 client by its network only, but spamd is told its
// very address and names, so they must be the same too.
type subject struct {
	print  filter.Fingerprint
	client filter.Client
	user   string
	limit  int64
}

// scan is one message at spamd. It holds nothing of the content.
type scan struct {
	about  subject
	done   chan struct{} // closed at its end
	on     *server       // that has the message, or had it last
	answer *answer       // nil while there is none
	at     time.Time     // of the answer
	place  *list.Element // in ended
}

// find is the scan of the same message that is under way or answered, or nil.
func (r *recent) find(n *scan) *scan {
	if n == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	found := r.scans[n.about]
	if found != nil && found.answer != nil && time.Since(found.at) >= recentFor {
		r.forget(found)
		return nil
	}
	return found
}

// begin notes that a server has the message. Whoever asks from now on joins this
// scan, and not an older one, which had its time.
func (r *recent) begin(n *scan, on *server) {
	if n == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n.on = on
	if n.done == nil {
		n.done = make(chan struct{})
	}
	if other := r.scans[n.about]; other != nil && other.answer != nil {
		r.forget(other)
	}
	if r.scans == nil {
		r.scans = make(map[subject]*scan)
	}
	r.scans[n.about] = n
}

// finish ends a scan with its answer, and makes room for it.
func (r *recent) finish(n *scan, a answer) {
	if n == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n.answer, n.at = &a, time.Now()
	close(n.done)
	if r.scans[n.about] != n {
		return
	}
	n.place = r.ended.PushBack(n)
	r.weight += n.weight()
	for e := r.ended.Front(); e != nil; e = r.ended.Front() {
		oldest := e.Value.(*scan)
		if r.weight <= mostRecent && n.at.Sub(oldest.at) < recentFor {
			break
		}
		r.forget(oldest)
	}
}

// fail ends a scan that got no answer. One that has its answer keeps it.
func (r *recent) fail(n *scan) {
	if n == nil || n.done == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n.answer != nil {
		return
	}
	close(n.done)
	if r.scans[n.about] == n {
		delete(r.scans, n.about)
	}
}

func (r *recent) forget(n *scan) {
	r.ended.Remove(n.place)
	r.weight -= n.weight()
	delete(r.scans, n.about)
}

func (n *scan) weight() int { return 1 + len(n.answer.rules) }

// outcome is the answer, or nil while there is none, and the server that was
// asked.
func (r *recent) outcome(n *scan) (*answer, *server) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return n.answer, n.on
}

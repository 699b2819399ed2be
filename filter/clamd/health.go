package clamd

import (
	"errors"
	"sync"
	"time"
)

// failures in a row make a Notice. One restart ends as many scans as there are slots,
// and each is tried again.
const failures = 5

// health is what the attempts of all messages say about clamd.
type health struct {
	began time.Time

	mu       sync.Mutex
	answer   time.Time // the last one; zero for none
	outage   time.Time // the first failure since then; zero for none
	failed   time.Time // the last one
	failures int       // since then
}

// record ends an attempt. An error of the message says nothing about clamd, and neither
// does an answer that it will not.
func (s *Scanner) record(err error) {
	var message *unreadable
	var said *Error
	switch {
	case err == nil, errors.As(err, &said), errors.Is(err, errTooLarge):
		s.answered()
	case errors.As(err, &message):
	default:
		if s.health.fail() == failures {
			s.config.Notice(Notice{ServerDown, s.config.Address})
		}
	}
}

func (s *Scanner) answered() {
	if s.health.succeed() >= failures {
		s.config.Notice(Notice{ServerUp, s.config.Address})
	}
}

func (h *health) fail() (inRow int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed = time.Now()
	if h.outage.IsZero() {
		h.outage = h.failed
	}
	h.failures++
	return h.failures
}

// succeed returns how many failures came before.
func (h *health) succeed() (before int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before, h.failures = h.failures, 0
	h.answer, h.outage = time.Now(), time.Time{}
	return before
}

// blind is for how long there was no answer.
func (h *health) blind() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.answer.IsZero() {
		return time.Since(h.began)
	}
	return time.Since(h.answer)
}

// failing reports that the last attempts have failed, so many that it was told of, and
// how long ago the last one did.
func (h *health) failing() (yes bool, since time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failures < failures {
		return false, 0
	}
	return true, time.Since(h.failed)
}

// lasting reports an outage that a short pause will not end.
func (h *health) lasting(most time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return most > 0 && !h.outage.IsZero() && time.Since(h.outage) >= most
}

// least is what every clamd takes.
const least = 4 << 10

// limitFor is how long a limit that clamd has shown is believed. Somebody may have
// raised it since.
const limitFor = time.Hour

// limit is how much clamd takes, if that is less than it should.
type limit struct {
	mu    sync.Mutex
	bytes int64 // 0: not known
	since time.Time
}

// of is how much of a message to offer.
func (l *limit) of(size, configured int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if configured > 0 {
		size = min(size, configured)
	}
	if l.bytes > 0 && time.Since(l.since) < limitFor {
		size = min(size, l.bytes)
	}
	return size
}

// lower halves an offer that was too much.
func (s *Scanner) lower(offered int64) int64 {
	half := max(least, offered/2)
	l := &s.limit
	l.mu.Lock()
	fresh := l.bytes == 0 || time.Since(l.since) >= limitFor
	if fresh || half < l.bytes {
		l.bytes, l.since = half, time.Now()
	}
	l.mu.Unlock()
	if fresh {
		s.config.Notice(Notice{StreamLimit, s.config.Address})
	}
	return half
}

package spamd

import "time"

// pace is how long a scan takes at present: a moving average, so that it
// follows the load of the machine and forgets one odd message.
type pace struct {
	mean time.Duration
	seen int
}

const (
	// sure is the number of scans before the pace is believed.
	sure = 8

	// memory is the weight of the past.
	memory = 16
)

func (p *pace) add(took time.Duration) {
	p.seen = min(p.seen+1, memory)
	p.mean += (took - p.mean) / time.Duration(p.seen)
}

// estimate is the time until a slot comes free for somebody with so many ahead.
// It is 0 while nothing is known, and then everybody may wait.
func (p *pace) estimate(ahead, slots int) time.Duration {
	if slots <= 0 {
		return never
	}
	if p.seen < sure {
		return 0
	}
	return p.mean * time.Duration(max(0, ahead)+1) / time.Duration(slots)
}

// never is the wait for servers whose every child is lost in a message that
// nobody waits for.
const never = time.Duration(1<<63 - 1)

package guard

import (
	"math"
	"time"
)

// parts are those of a window. It moves on by one of them, a slot.
const parts = 10

// slots is how many slots of a window there are in a time.
func slots(d, window time.Duration) int64 { return int64(d / (window / parts)) }

// tally counts senders.
type tally struct{ seen, refused int }

func (t tally) share() float64 {
	if t.seen == 0 {
		return 0
	}
	return float64(t.refused) / float64(t.seen)
}

// window counts each sender in the slot of its latest message. Slots are numbered from
// the beginning.
type window struct {
	slot  int64 // now
	heard [parts]tally
}

// never is before every slot that a window can reach back to.
const never = -parts

// hear counts a message of a sender, who is not counted twice.
func (w *window) hear(p *party, refused bool) {
	if p.heard > w.slot-parts {
		w.heard[p.heard%parts].count(p.refused, -1)
	}
	p.heard, p.refused = w.slot, refused
	w.heard[w.slot%parts].count(refused, 1)
}

func (t *tally) count(refused bool, n int) {
	t.seen += n
	if refused {
		t.refused += n
	}
}

// sum is the window that ends now.
func (w *window) sum() (t tally) {
	for i := range w.heard {
		t.seen += w.heard[i].seen
		t.refused += w.heard[i].refused
	}
	return t
}

// next goes to the next slot. Once in a window that one is over, and is given.
func (w *window) next() (ended tally, is bool) {
	if w.slot++; w.slot%parts == 0 {
		ended, is = w.sum(), true
	}
	w.heard[w.slot%parts] = tally{}
	return ended, is
}

// usual is what share of senders is refused, over many windows, of which older ones
// count less.
type usual struct {
	decay         float64 // from one window to the next
	seen, refused float64
	last          tally // the latest window, which does not count yet
}

// before anything is known, one sender in a hundred is taken to be refused.
const (
	guessedSeen    = 100
	guessedRefused = 1
)

func decay(window, baseline time.Duration) float64 {
	return math.Exp(-float64(window) / float64(baseline))
}

// settle adds the window before the latest one: that one may be the beginning of what is
// to be noticed. Nothing is learned from an alarm.
func (u *usual) settle(ended tally, alarm bool) {
	if alarm {
		u.last = tally{}
		return
	}
	u.seen = u.seen*u.decay + float64(u.last.seen)
	u.refused = u.refused*u.decay + float64(u.last.refused)
	u.last = ended
}

func (u *usual) share() float64 {
	return (u.refused + guessedRefused) / (u.seen + guessedSeen)
}

package spamd

import (
	"slices"

	"github.com/sony/gobreaker/v2"
)

// pick is the server for the message, or nil if it has to wait.
func (l *line) pick(w *waiter) *server {
	var best *server
	health := l.health()
	for _, v := range l.servers {
		if v.free(w.lane) && v.takes(health) && !slices.Contains(w.spent, v) && (best == nil || l.better(v, best, w.avoid)) {
			best = v
		}
	}
	return best
}

// health is the best state of any server. While one is in order, mail waits for
// it rather than fail at another. When none is, none is left out: not to ask the
// last spamd would make an outage of what may be over.
func (l *line) health() gobreaker.State {
	best := gobreaker.StateOpen
	for _, v := range l.servers {
		switch v.breaker.State() {
		case gobreaker.StateClosed:
			return gobreaker.StateClosed
		case gobreaker.StateHalfOpen:
			best = gobreaker.StateHalfOpen
		case gobreaker.StateOpen:
		}
	}
	return best
}

// takes reports whether the server is one to ask. One that may be back gets a
// single message, not everything that waits.
func (v *server) takes(health gobreaker.State) bool {
	state := v.breaker.State()
	return state == health || state == gobreaker.StateHalfOpen && v.used() == v.lost()
}

func (l *line) better(v, than, avoid *server) bool {
	if (v == avoid) != (than == avoid) {
		return than == avoid
	}
	if a, b := v.breaker.State(), than.breaker.State(); a != b {
		return a == gobreaker.StateClosed
	}
	if l.balance == First {
		return false
	}
	a, b := v.used()*than.Slots, than.used()*v.Slots
	return a < b || (a == b && v.turn < than.turn)
}

// slots is how many slots the lane can count on.
func (l *line) slots(w lane) int {
	health, total := l.health(), 0
	for _, v := range l.servers {
		if v.breaker.State() == health {
			total += v.alive(w)
		}
	}
	return total
}

// alive is the server's part of that: without the slots of scans of which nobody
// knows when they end.
func (v *server) alive(w lane) int {
	alive := v.Slots - v.overdue[small] - v.overdue[big]
	if w == big {
		return max(0, min(alive, v.bigLimit()-v.overdue[big]))
	}
	// Large mail holds its slots for long, but never all of them for ever.
	if held := v.busy[big] - v.overdue[big]; alive > held {
		alive -= held
	}
	return max(0, alive)
}

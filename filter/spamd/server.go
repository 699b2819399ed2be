package spamd

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// server is one spamd and what we know of it.
type server struct {
	Server
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	symbols atomic.Bool  // its table cannot be read
	down    atomic.Bool  // as last noticed
	success atomic.Int64 // the last one; nanoseconds after Scanner.began, 0 for none

	// Guarded by line.mu, and indexed by lane.
	busy     [lanes]int
	detached [lanes]int // of busy: nobody waits for these
	overdue  [lanes]int // of detached: nobody knows when these end
	turn     uint64     // when it was last chosen
}

const (
	// failures in a row open a breaker. One lost SIGHUP ends as many scans as
	// there are slots, and that is no reason to think better of the others.
	failures = 5

	// openFor is how long a server stays at the end of the order before it is
	// tried again. spamd restarts within seconds.
	openFor = 5 * time.Second
)

// errUncounted is an end of an attempt that says nothing about the server: our
// clock, or an answer that it will not.
var errUncounted = errors.New("not the server's fault")

func newServer(s Server) *server {
	s.Slots = max(1, s.Slots)
	return &server{Server: s, breaker: gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        s.Address,
		Timeout:     openFor,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failures },
		IsExcluded:  func(err error) bool { return errors.Is(err, errUncounted) },
	})}
}

// allow tells the breaker of an attempt. The attempt is made whatever it says,
// because who has no other server must try this one; then nothing is counted.
func (v *server) allow() (done func(error)) {
	done, err := v.breaker.Allow()
	if err != nil {
		return func(error) {}
	}
	return done
}

// bigLimit is how many slots large mail may have, so that a handful of them
// cannot hold up everything else.
func (v *server) bigLimit() int { return max(1, v.Slots/2) }

func (v *server) used() int { return v.busy[small] + v.busy[big] }

func (v *server) lost() int { return v.detached[small] + v.detached[big] }

func (v *server) free(l lane) bool {
	return v.used() < v.Slots && (l == small || v.busy[big] < v.bigLimit())
}

// record ends an attempt: the breaker, the times, and what an administrator
// should know.
func (s *Scanner) record(v *server, done func(error), err error) {
	switch {
	case err == nil:
		now := int64(time.Since(s.began))
		v.success.Store(now)
		s.answers.Store(now)
		s.outage.Store(0)
		done(nil)
	case counts(err):
		s.outage.CompareAndSwap(0, int64(time.Since(s.began)))
		done(err)
	default:
		done(errUncounted)
	}
	switch v.breaker.State() {
	case gobreaker.StateOpen:
		if v.down.CompareAndSwap(false, true) {
			s.config.Notice(Notice{ServerDown, v.Address})
		}
	case gobreaker.StateClosed:
		if v.down.CompareAndSwap(true, false) {
			s.config.Notice(Notice{ServerUp, v.Address})
		}
	}
}

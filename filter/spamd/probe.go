package spamd

import (
	"context"
	"sync"
	"time"

	"github.com/teamwork/spamc"
)

// pingTimeout is what a free spamd needs, and some.
const pingTimeout = 10 * time.Second

// Run sends a PING to each server that has had no success in the last interval,
// so that one that has come back is known before mail needs it, and an idle
// night is no outage. It returns when the context ends.
func (s *Scanner) Run(ctx context.Context) {
	tick := time.NewTicker(s.config.ProbeInterval)
	defer tick.Stop()
	for {
		s.probe(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Scanner) probe(ctx context.Context) {
	var wait sync.WaitGroup
	defer wait.Wait()
	for _, v := range s.servers {
		// A tenth less than the interval: the answer to the last PING came a
		// little after its tick, and would save the server every second one.
		last := v.success.Load()
		if last != 0 && time.Since(s.began)-time.Duration(last) < s.config.ProbeInterval*9/10 {
			continue
		}
		// A busy spamd lets PING wait as well, so it needs a slot. No slot free
		// means that answers are on their way.
		if s.line.tryAcquire(v) {
			wait.Go(func() { s.ping(ctx, v) })
		}
	}
}

// ping asks one server, and frees its slot.
func (s *Scanner) ping(ctx context.Context, v *server) {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	done := v.allow()
	g := s.guard(v, time.Now())
	g.reply.ping = true
	err := g.verdict(spamc.New(v.Address, g).Ping(ctx))
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	s.done(g)
	s.record(v, done, err)
	s.line.release(v, small, 0)
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
	"proxyfilter/relay"
)

const (
	// askFor bounds the question to a next hop, so that the answer comes before
	// whoever asked for /readyz has given up (health waits 3 s).
	askFor = 2 * time.Second

	// blindTime without any answer of a scanner is too long. On an idle night the
	// answers to PING are up to two intervals apart.
	blindTime = 2*spamd.DefaultProbeInterval + 10*time.Second

	// untried is how long a clamd that fails counts. It is asked with mail only: who
	// sends none here while we are not ready would otherwise never send any again.
	untried = time.Minute
)

// ready is why mail that came now would be told to come again, or nil. It goes by
// what was last known, and asks at most one question in five seconds.
func (d *daemon) ready() error {
	if !d.serving.Load() {
		return errors.New("not serving: starting or stopping")
	}
	j := d.current.Load()
	if err := cmp.Or(j.sighted(), j.searched()); err != nil {
		return err
	}
	asked := map[*relay.NextHop]bool{}
	for _, door := range d.doors {
		if asked[door.NextHop] {
			continue
		}
		asked[door.NextHop] = true
		ctx, cancel := context.WithTimeout(d.ended, askFor)
		err := door.NextHop.Ready(ctx)
		cancel()
		if err != nil {
			return fmt.Errorf("the next hop %s does not answer: %w", door.NextHop.Address, err)
		}
	}
	return nil
}

// sighted is why no scanner will answer, while that defers mail under [policy];
// or nil.
func (j *judgement) sighted() error {
	p := j.judge.Policies.Default
	if j.scanner == nil || p.OnScanFailure.Passes() || p.Mode == filter.Observe {
		return nil
	}
	now := j.scanner.Status()
	if p.BlindLimit > 0 && now.Blind >= p.BlindLimit {
		return nil // mail passes unscanned by now
	}
	if now.Blind > blindTime {
		return fmt.Errorf("no scanner has answered for %s", now.Blind.Round(time.Second))
	}
	for _, s := range now.Servers {
		if s.Breaker == "closed" {
			return nil
		}
	}
	return errors.New("every spamd server fails")
}

// searched is why nobody will look for viruses, while that defers mail under
// [policy]; or nil.
func (j *judgement) searched() error {
	p := j.judge.Policies.Default
	if j.viruses == nil || p.OnVirusScanFailure.Passes() || p.Mode == filter.Observe {
		return nil
	}
	if s := j.viruses.Status(); s.Failing && s.Tried < untried {
		return fmt.Errorf("clamd has not answered for %s", s.Blind.Round(time.Second))
	}
	return nil
}

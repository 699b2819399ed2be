package relay

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// For so long what is known of the next hop answers the question whether it is
// there. Bad news is asked about again sooner, so that an end of it is not missed.
const (
	wellFor = 30 * time.Second
	illFor  = 5 * time.Second
)

// health is what was last heard of the next hop.
type health struct {
	at  time.Time // zero: nothing yet
	err error     // nil: it greeted, or a conversation ended in order
}

// current reports whether it is new enough to be the answer.
func (h health) current() bool {
	if h.err != nil {
		return time.Since(h.at) < illFor
	}
	return time.Since(h.at) < wellFor
}

// Ready says why the next hop cannot be reached, or nil. It goes by what was last
// heard of it, and every message counts. Only when that is too old does it ask, on
// a connection of its own, and whoever comes meanwhile waits for the same answer:
// many questions make no more than one connection in five seconds. The context
// bounds the asking, and its end counts as no answer.
func (n *NextHop) Ready(ctx context.Context) error {
	if known := n.heard(); known.current() {
		return known.err
	}
	n.asking.Lock()
	defer n.asking.Unlock()
	if known := n.heard(); known.current() {
		return known.err
	}
	err := n.ask(ctx)
	n.mu.Lock()
	n.note(err)
	n.mu.Unlock()
	return err
}

// ask connects and leaves again. An idle connection would not do: it stays open
// while nobody accepts new ones.
func (n *NextHop) ask(ctx context.Context) error {
	n.prepare()
	select {
	case n.places <- struct{}{}:
		defer func() { <-n.places }()
	case <-ctx.Done():
		return fmt.Errorf("none of %d connections to the next hop became free: %w", n.Connections, context.Cause(ctx))
	}
	h, err := n.connect(ctx)
	if err == nil {
		h.leave()
	}
	return err
}

func (n *NextHop) heard() health {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.health
}

// note keeps what was heard; mu is held. A message whose client went away says
// nothing about the next hop.
func (n *NextHop) note(err error) {
	if !errors.Is(err, context.Canceled) {
		n.health = health{time.Now(), err}
	}
}

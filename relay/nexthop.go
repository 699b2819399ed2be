package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"proxyfilter/relay/wire"
)

// Impersonation says how the next hop learns of the remote client.
type Impersonation uint8

// The ways.
const (
	// Xforward tells it for the log; access control and milters see us.
	Xforward Impersonation = iota

	// Xclient makes it see the remote client instead of us, so that milters
	// there verify rather than sign, and it relays for nobody. A connection
	// then serves one message.
	Xclient
)

// idleTime is how long an unused connection is kept. Postfix's smtpd waits 300
// seconds, but 10 under stress; a connection that it has closed is noticed.
const idleTime = 60 * time.Second

// surplusTime is how long one more than NextHop.Idle is kept: long enough to
// serve the next message of a burst, which saves a connection and a process
// there, and too short to hold A's processes afterwards.
const surplusTime = 2 * time.Second

// NextHop is the after-filter Postfix, and the connections to it. Its zero
// value but for Address works.
type NextHop struct {
	Network, Address string // default network: tcp
	Hostname         string // for EHLO
	Client           Impersonation
	Connections      int // at most so many at once; 0: 50
	Idle             int // kept for reuse; a burst keeps more, for seconds
	ConnectTimeout   time.Duration
	Log              zerolog.Logger

	// Dial replaces net.Dialer, in tests.
	Dial func(ctx context.Context) (net.Conn, error)

	size    atomic.Int64 // the SIZE that it announced last
	buffers buffers

	once   sync.Once
	places chan struct{} // one for each connection in use
	late   chan struct{} // one for each of them whose reply is overdue
	mu     sync.Mutex
	idle   []*hop // the one used last is at the end, and used next
	closed bool
	health health
	asking sync.Mutex // one question at a time
}

// Size is the SIZE that the next hop announced last; 0 if it has not yet, or
// announced no limit.
func (n *NextHop) Size() int64 { return n.size.Load() }

// Probe connects, reads what the next hop announces and keeps the connection.
func (n *NextHop) Probe(ctx context.Context) error {
	h, err := n.take(ctx)
	if err == nil {
		n.give(h)
	}
	return err
}

// Close ends the idle connections. Those in use end with their messages.
func (n *NextHop) Close() {
	n.mu.Lock()
	idle := n.idle
	n.idle, n.closed = nil, true
	n.mu.Unlock()
	for _, h := range idle {
		h.expires.Stop()
		h.leave()
	}
}

func (n *NextHop) prepare() {
	n.once.Do(func() {
		if n.Connections <= 0 {
			n.Connections = 50
		}
		n.places = make(chan struct{}, n.Connections)
		n.late = make(chan struct{}, n.Connections/2)
	})
}

// take waits for a place and gives a connection that has been greeted. At its
// process limit Postfix accepts connections and does not greet them, so waiting
// is done here, where it is fair and ends in time.
func (n *NextHop) take(ctx context.Context) (*hop, error) {
	n.prepare()
	select {
	case n.places <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for one of %d connections to the next hop: %w", n.Connections, context.Cause(ctx))
	}
	h := n.reuse()
	if h == nil {
		var err error
		if h, err = n.connect(ctx); err != nil {
			<-n.places
			return nil, err
		}
	}
	h.until(ctx)
	return h, nil
}

// fresh gives a new connection in exchange for a broken one.
func (n *NextHop) fresh(ctx context.Context, broken *hop) (*hop, error) {
	n.drop(broken)
	n.flush()
	return n.take(ctx)
}

// reuse gives an idle connection on which nothing waits. One that the next hop
// has closed, or said 421 on, is dropped silently; anything else that it says
// unasked means that it executed something that we sent as content.
func (n *NextHop) reuse() *hop {
	for {
		n.mu.Lock()
		last := len(n.idle) - 1
		if last < 0 {
			n.mu.Unlock()
			return nil
		}
		h := n.idle[last]
		n.idle = n.idle[:last]
		n.mu.Unlock()
		h.expires.Stop()
		err := peek(h.conn, &h.in)
		if err == nil {
			return h
		}
		if errors.Is(err, errExcess) {
			n.listen(h)
		}
		h.close()
	}
}

// listen reads what was said unasked, and raises the alarm unless it is 421.
func (n *NextHop) listen(h *hop) {
	h.conn.SetDeadline(time.Now().Add(time.Second))
	if reply, err := h.read(); err != nil || reply.Code != 421 {
		n.Log.Error().Stringer("reply", reply).Err(err).
			Msg("the next hop said something unasked on an idle connection: it may have executed content")
	}
}

// give takes a connection back, between transactions. One that speaks for a
// client (XCLIENT) can serve no other.
func (n *NextHop) give(h *hop) {
	h.reused = true
	n.mu.Lock()
	n.note(nil)
	keep := !n.closed && n.Client == Xforward && !h.ending
	if keep {
		limit := idleTime
		if len(n.idle) >= n.Idle {
			limit = surplusTime
		}
		h.expires = time.AfterFunc(limit, func() { n.expire(h) })
		n.idle = append(n.idle, h)
	}
	n.mu.Unlock()
	if !keep {
		h.leave()
	}
	<-n.places
}

// drop closes a connection in whatever state it is.
func (n *NextHop) drop(h *hop) {
	h.close()
	<-n.places
}

func (n *NextHop) expire(h *hop) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, other := range n.idle {
		if other == h {
			n.idle = append(n.idle[:i], n.idle[i+1:]...)
			go h.leave()
			return
		}
	}
}

// flush closes all idle connections: one was found dead, so the rest are old.
func (n *NextHop) flush() {
	n.mu.Lock()
	idle := n.idle
	n.idle = nil
	n.mu.Unlock()
	for _, h := range idle {
		h.expires.Stop()
		h.close()
	}
}

// connect dials and exchanges greetings.
func (n *NextHop) connect(ctx context.Context) (*hop, error) {
	h, err := n.greeted(ctx)
	n.mu.Lock()
	n.note(err)
	n.mu.Unlock()
	return h, err
}

func (n *NextHop) greeted(ctx context.Context) (*hop, error) {
	timeout := n.ConnectTimeout
	if timeout <= 0 {
		timeout = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := n.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("next hop: %w", err)
	}
	h := &hop{conn: direct(conn)}
	h.until(ctx)
	if err := h.greet(n.Hostname); err != nil {
		h.close()
		return nil, fmt.Errorf("next hop %s: %w", n.Address, err)
	}
	n.size.Store(h.size)
	return h, nil
}

func (n *NextHop) dial(ctx context.Context) (net.Conn, error) {
	if n.Dial != nil {
		return n.Dial(ctx)
	}
	dialer := net.Dialer{KeepAlive: -1} // an idle connection is looked at before it is used
	return dialer.DialContext(ctx, cmp.Or(n.Network, "tcp"), n.Address)
}

// present tells the next hop about the remote client, where that takes a
// dialogue of its own.
func (n *NextHop) present(h *hop, forward wire.Forward) error {
	if n.Client != Xclient {
		return nil
	}
	return h.impersonate(forward, n.Hostname)
}

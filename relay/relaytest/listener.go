package relaytest

import (
	"context"
	"net"
	"sync"
	"syscall"
)

// backlog is how many connections wait for Accept before Dial waits too.
const backlog = 4096

// Listener is a net.Listener in memory. Dial, on the other side, can be the Dial
// of whatever is under test.
type Listener struct {
	waiting chan *Conn
	closed  chan struct{}
	once    sync.Once

	mu     sync.Mutex
	refuse bool
	hang   bool
	dialed int
}

// Listen makes a Listener. In a testing/synctest bubble it is to be called
// inside, for a channel belongs to the bubble that made it.
func Listen() *Listener {
	return &Listener{waiting: make(chan *Conn, backlog), closed: make(chan struct{})}
}

// Refuse makes each further Dial fail with ECONNREFUSED, or ends that.
func (l *Listener) Refuse(yes bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuse = yes
}

// Hang makes each further Dial wait until its context ends, as for a host that is
// away, or ends that.
func (l *Listener) Hang(yes bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hang = yes
}

// Dialed counts the connections made.
func (l *Listener) Dialed() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dialed
}

// Dial connects. As with a kernel's backlog, it does not wait for Accept.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	refused := &net.OpError{Op: "dial", Net: "memory", Err: syscall.ECONNREFUSED}
	l.mu.Lock()
	refuse, hang := l.refuse, l.hang
	l.mu.Unlock()
	if hang {
		<-ctx.Done()
	}
	select {
	case <-l.closed:
		return nil, refused
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "memory", Err: ctx.Err()}
	default:
	}
	if refuse {
		return nil, refused
	}
	here, there := Pipe()
	select {
	case l.waiting <- there:
		l.mu.Lock()
		l.dialed++
		l.mu.Unlock()
		return here, nil
	case <-l.closed:
		return nil, refused
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "memory", Err: ctx.Err()}
	}
}

// Accept is as in net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "memory", Err: net.ErrClosed}
	default:
	}
	select {
	case c := <-l.waiting:
		return c, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "memory", Err: net.ErrClosed}
	}
}

// Close ends Accept. Connections that nobody accepted are reset, as a kernel
// does it.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	for {
		select {
		case c := <-l.waiting:
			c.Reset()
		default:
			return nil
		}
	}
}

// Addr is a name, not an address.
func (l *Listener) Addr() net.Addr { return addr("memory") }

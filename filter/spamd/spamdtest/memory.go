package spamdtest

import (
	"context"
	"net"
	"sync"
	"syscall"
	"time"
)

// Memory is a listener without sockets, for use within a testing/synctest
// bubble. Make one with NewMemory, give it to Server.Start and its Dial to the
// client.
type Memory struct {
	backlog chan net.Conn
	done    chan struct{}

	mu      sync.Mutex
	refuse  bool
	hang    bool
	closed  bool
	dialled int
}

// memoryBacklog is the kernel's usual net.core.somaxconn.
const memoryBacklog = 4096

// NewMemory makes a listener.
func NewMemory() *Memory {
	return &Memory{backlog: make(chan net.Conn, memoryBacklog), done: make(chan struct{})}
}

// Refuse makes Dial say "connection refused", or ends that. spamd does so for
// about a second on SIGHUP.
func (m *Memory) Refuse(refuse bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse = refuse
}

// Hang makes Dial wait until its context ends, as a host that is away does.
func (m *Memory) Hang(hang bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hang = hang
}

// Dialled counts the calls of Dial so far.
func (m *Memory) Dialled() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dialled
}

// Dial connects. The network and the address are ignored.
func (m *Memory) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	m.mu.Lock()
	refuse, hang := m.refuse || m.closed, m.hang
	m.dialled++
	m.mu.Unlock()
	if hang {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "memory", Err: ctx.Err()}
	}
	if refuse {
		return nil, &net.OpError{Op: "dial", Net: "memory", Err: syscall.ECONNREFUSED}
	}
	client, server := pair()
	select {
	case m.backlog <- server:
		return client, nil
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "memory", Err: ctx.Err()}
	case <-m.done:
		return nil, &net.OpError{Op: "dial", Net: "memory", Err: syscall.ECONNREFUSED}
	}
}

// Accept gives the next connection.
func (m *Memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.backlog:
		return c, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept, refuses every later Dial, and closes what waits in the
// backlog.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	close(m.done)
	for {
		select {
		case c := <-m.backlog:
			_ = c.Close()
		default:
			return nil
		}
	}
}

// Addr is a name only.
func (m *Memory) Addr() net.Addr { return memoryAddr{} }

type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "memory" }

// duplex is two pipes, one for each direction: a net.Pipe by itself cannot be
// closed by half, and spamd waits for that.
type duplex struct{ in, out net.Conn }

func pair() (a, b *duplex) {
	r1, w1 := net.Pipe()
	r2, w2 := net.Pipe()
	return &duplex{r1, w2}, &duplex{r2, w1}
}

func (d *duplex) Read(p []byte) (int, error)  { return d.in.Read(p) }
func (d *duplex) Write(p []byte) (int, error) { return d.out.Write(p) }
func (d *duplex) CloseWrite() error           { return d.out.Close() }
func (d *duplex) LocalAddr() net.Addr         { return memoryAddr{} }
func (d *duplex) RemoteAddr() net.Addr        { return memoryAddr{} }

func (d *duplex) Close() error {
	_ = d.in.Close()
	return d.out.Close()
}

func (d *duplex) SetReadDeadline(t time.Time) error  { return d.in.SetReadDeadline(t) }
func (d *duplex) SetWriteDeadline(t time.Time) error { return d.out.SetWriteDeadline(t) }

func (d *duplex) SetDeadline(t time.Time) error {
	_ = d.in.SetReadDeadline(t)
	return d.out.SetWriteDeadline(t)
}

package relaytest

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// window is how much one direction holds before a Write blocks: about what two
// sockets on loopback hold, so that a peer that stops reading is noticed.
const window = 256 << 10

// Conn is one end of an in-memory connection with the manners of TCP: writes are
// buffered, Close lets the other end read what is on its way, Reset does not.
//
// net.Pipe will not do: it has no buffer, so that two ends that write at once
// wait for each other for ever. All waiting is on a sync.Cond, which counts as
// durably blocked in a testing/synctest bubble: virtual time goes on.
type Conn struct {
	in, out       *half
	local, remote addr
}

// Pipe is a pair of connected ends.
func Pipe() (here, there *Conn) {
	a, b := newHalf(), newHalf()
	return &Conn{a, b, "here", "there"}, &Conn{b, a, "there", "here"}
}

// Read gives what has arrived, even if the deadline has passed, so that a look
// with a past deadline sees everything that is there, as recv with MSG_DONTWAIT
// does. It then gives io.EOF if the other end has closed.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.wrap("read", err)
}

// Write blocks while the other end has a full window to read.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.wrap("write", err)
}

// Close ends both directions. What was written can still be read over there.
func (c *Conn) Close() error {
	c.out.end()
	c.in.abandon(net.ErrClosed, syscall.EPIPE)
	c.out.stopWriting(net.ErrClosed)
	return nil
}

// CloseWrite ends the direction from here to there.
func (c *Conn) CloseWrite() error {
	c.out.end()
	c.out.stopWriting(net.ErrClosed)
	return nil
}

// Reset ends both directions at once: what is on its way is lost, and the other
// end gets ECONNRESET.
func (c *Conn) Reset() {
	c.in.abandon(net.ErrClosed, syscall.ECONNRESET)
	c.out.abandon(syscall.ECONNRESET, net.ErrClosed)
}

// LocalAddr is a name, not an address.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is a name, not an address.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	c.in.setDeadline(&c.in.reading, t)
	c.out.setDeadline(&c.out.writing, t)
	return nil
}

// SetReadDeadline is as in net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(&c.in.reading, t)
	return nil
}

// SetWriteDeadline is as in net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.setDeadline(&c.out.writing, t)
	return nil
}

// wrap makes errors look as package net makes them, so that nobody under test
// comes to depend on bare ones. io.EOF stays bare, as there.
func (c *Conn) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: c.local.Network(), Source: c.local, Addr: c.remote, Err: err}
}

type addr string

func (addr) Network() string  { return "memory" }
func (a addr) String() string { return string(a) }

// half is one direction.
type half struct {
	mu       sync.Mutex
	moved    sync.Cond
	data     []byte
	ended    bool  // nothing follows data
	readErr  error // why nobody can read any more
	writeErr error // why nobody can write any more

	reading, writing deadline
}

type deadline struct {
	timer  *time.Timer
	turn   int // counts the timers, so that a replaced one is known
	passed bool
}

func newHalf() *half {
	h := new(half)
	h.moved.L = &h.mu
	return h
}

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.readErr != nil:
			return 0, h.readErr
		case len(p) == 0:
			return 0, nil
		case len(h.data) > 0:
			n := copy(p, h.data)
			h.data = h.data[n:]
			h.moved.Broadcast()
			return n, nil
		case h.ended:
			return 0, io.EOF
		case h.reading.passed:
			return 0, os.ErrDeadlineExceeded
		}
		h.moved.Wait()
	}
}

func (h *half) write(p []byte) (written int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.writeErr != nil:
			return written, h.writeErr
		case h.writing.passed:
			return written, os.ErrDeadlineExceeded
		case len(p) == 0:
			return written, nil
		}
		if room := min(window-len(h.data), len(p)); room > 0 {
			h.data = append(h.data, p[:room]...)
			p, written = p[room:], written+room
			h.moved.Broadcast()
			continue
		}
		h.moved.Wait()
	}
}

func (h *half) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	h.moved.Broadcast()
}

func (h *half) stopWriting(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.writeErr == nil {
		h.writeErr = err
	}
	h.writing.stop()
	h.moved.Broadcast()
}

// abandon ends a direction for both of its users. The first reason stays.
func (h *half) abandon(readErr, writeErr error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.readErr == nil {
		h.readErr = readErr
	}
	if h.writeErr == nil {
		h.writeErr = writeErr
	}
	h.data = nil
	h.reading.stop()
	h.moved.Broadcast()
}

func (h *half) setDeadline(d *deadline, t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d.stop()
	d.passed = !t.IsZero() && !t.After(time.Now())
	if !t.IsZero() && !d.passed {
		turn := d.turn
		d.timer = time.AfterFunc(time.Until(t), func() { h.pass(d, turn) })
	}
	h.moved.Broadcast()
}

// pass ignores a timer that was replaced while it waited for the lock.
func (h *half) pass(d *deadline, turn int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d.turn == turn {
		d.passed = true
		h.moved.Broadcast()
	}
}

func (d *deadline) stop() {
	d.turn++
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

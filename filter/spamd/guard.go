package spamd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// guard is the Dialer and the connection that spamc works with, for one
// request. It adds what spamc lacks:
//
//   - The context ends the exchange; spamc looks at it only while it dials.
//   - Any network, not only TCP.
//   - The request goes out in one write if it fits into the buffer.
//   - A half-close before the first read. spamd reads by lines, and would wait
//     for ever behind a message that does not end in one.
//   - spamd may answer early and close. Its words are worth more than our EPIPE,
//     so a write that fails for that is kept quiet, and the reply read.
//   - The reply is bounded and ends at its Content-length, or is broken; spamc
//     waits for the end of the connection and believes what it has by then.
//
// What spamc gets to read is only the status line and the fields that it needs. It
// parses these well; its parser of the report is slow and loses rows.
type guard struct {
	net.Conn
	server  *server
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	connect time.Duration // 0: dial knows its own limit
	until   time.Time     // the end of the child's time

	buf     []byte // first the request, then the reply
	sent    bool   // the request is written, whole
	symbols bool   // names were asked for, not a report
	deaf    bool   // spamd has closed while we wrote
	reply   reply
	head    []byte // of the reply, for spamc
	err     error  // the first one of the connection
	content error  // of the message that was to be sent

	mu    sync.Mutex
	ended bool // by cut
	stop  func() bool
}

// DialContext connects. The address comes from the server, not from spamc.
func (g *guard) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	dialing := ctx
	if g.connect > 0 {
		var cancel context.CancelFunc
		dialing, cancel = context.WithTimeout(ctx, g.connect)
		defer cancel()
	}
	conn, err := g.dial(dialing, g.server.Network, g.server.Address)
	if err != nil {
		if ctx.Err() == nil {
			g.err = &unreachable{err}
		} else {
			g.err = ctx.Err()
		}
		return nil, g.err
	}
	g.Conn = conn
	_ = conn.SetDeadline(g.until)
	g.stop = context.AfterFunc(ctx, g.cut)
	return g, nil
}

// cut ends the exchange from another goroutine.
func (g *guard) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	_ = g.SetDeadline(time.Unix(1, 0))
}

// adopt takes the exchange from its context, which has cut it, and will not do
// so again. From here on the child's time limits it, and Scanner.Close.
func (g *guard) adopt() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended, g.err = false, nil
	_ = g.SetDeadline(g.until)
}

// Close is what spamc calls as soon as it has had enough. shut closes.
func (g *guard) Close() error { return nil }

func (g *guard) shut() {
	if g.Conn != nil {
		g.stop()
		_ = g.Conn.Close()
	}
}

// ReadFrom sends the request through the buffer, so that the usual one is one
// write, and a long one needs no memory of its own.
func (g *guard) ReadFrom(r io.Reader) (n int64, err error) {
	for {
		if len(g.buf) == cap(g.buf) {
			if err := g.flush(); err != nil {
				return n, err
			}
		}
		got, err := r.Read(g.buf[len(g.buf):cap(g.buf)])
		g.buf = g.buf[:len(g.buf)+got]
		n += int64(got)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			g.content = err
			return n, err
		}
	}
}

// Write is ReadFrom for what is in memory.
func (g *guard) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if len(g.buf) == cap(g.buf) {
			if err := g.flush(); err != nil {
				return 0, err
			}
		}
		n := copy(g.buf[len(g.buf):cap(g.buf)], rest)
		g.buf, rest = g.buf[:len(g.buf)+n], rest[n:]
	}
	return len(p), nil
}

func (g *guard) flush() error {
	if !g.deaf {
		_, err := g.Conn.Write(g.buf)
		if closedByPeer(err) {
			g.deaf, err = true, nil
		}
		if err != nil {
			g.err = err
			return err
		}
	}
	g.buf = g.buf[:0]
	return nil
}

func closedByPeer(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.ErrClosedPipe)
}

// Read ends the request, reads all of the reply and passes on its head.
func (g *guard) Read(p []byte) (int, error) {
	if !g.sent {
		if err := g.finish(); err != nil {
			return 0, err
		}
	}
	if g.err == nil && !g.reply.complete {
		if g.err = g.receive(); g.err == nil {
			g.head = g.reply.forLibrary()
		}
	}
	switch {
	case g.err != nil:
		return 0, g.err
	case len(g.head) == 0:
		return 0, io.EOF
	}
	n := copy(p, g.head)
	g.head = g.head[n:]
	return n, nil
}

func (g *guard) finish() error {
	if err := g.flush(); err != nil {
		return err
	}
	if half, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // fails only when spamd has closed, which the read tells better
	}
	g.sent = true
	return nil
}

// receive reads until the reply is complete. It can go on after an error.
func (g *guard) receive() error {
	for {
		if done, err := g.reply.parse(g.buf); done || err != nil {
			return err
		}
		if len(g.buf) == cap(g.buf) {
			if cap(g.buf) >= maxReply {
				return fmt.Errorf("%w: longer than %d bytes", errGarbled, maxReply)
			}
			g.buf = append(make([]byte, 0, maxReply), g.buf...)
		}
		n, err := g.Conn.Read(g.buf[len(g.buf):cap(g.buf)])
		g.buf = g.buf[:len(g.buf)+n]
		if errors.Is(err, io.EOF) {
			return g.reply.end(g.buf)
		}
		if err != nil {
			return err
		}
	}
}

// silent reports that spamd had the request, or as much of it as it would take,
// and has not answered.
func (g *guard) silent() bool { return g.sent && !g.reply.complete }

// abandoned reports that the context has ended while spamd was at work.
func (g *guard) abandoned() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ended && g.sent && !g.reply.complete
}

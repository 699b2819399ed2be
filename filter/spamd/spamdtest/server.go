// Package spamdtest is a spamd whose faults and habits are fields.
//
// It behaves like spamd 4.0.1 where nothing else is asked for: one request per
// connection; a Content-length that does not match is answered with 76; a
// message that does not end in a newline is answered only after the client's
// half-close, because spamd reads by lines; with all children busy, connects
// succeed and nothing happens. A message that bears GTUBE scores 1000.
//
// A Server works over any net.Listener: loopback TCP, a unix socket, or Memory,
// which lives within a testing/synctest bubble.
package spamdtest

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

// Server is one spamd. Its zero value passes every message with score 0. The
// fields are to be set before the first connection; Become changes the habits
// later.
type Server struct {
	// Reply is how each request is answered. The zero Reply is an answer
	// without any rule.
	Reply Reply

	// Choose, when set, is asked how to answer each request, in place of Reply.
	// It may block: that is a slow child. It is called from many goroutines,
	// once the request is complete, so its Replies have no earlier faults.
	Choose func(Request) Reply

	// Children is how many connections are served at once, as spamd's
	// --max-children. Others wait in the listener's backlog. 0: any number.
	Children int

	// Forget keeps no Requests: for benchmarks.
	Forget bool

	became atomic.Pointer[Reply]
	served atomic.Int64
	spaces sync.Pool // of *workspace

	mu        sync.Mutex
	children  chan struct{}
	quit      chan struct{}
	listeners []net.Listener
	conns     map[*line]struct{}
	requests  []Request
	closed    bool
	wait      sync.WaitGroup
}

// Become changes how every later request is answered.
func (s *Server) Become(r Reply) { s.became.Store(&r) }

// Listen starts to serve a new listener in the background. For an in-memory
// one see Memory.
func (s *Server) Listen(network, address string) (net.Addr, error) {
	ln, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	s.Start(ln)
	return ln.Addr(), nil
}

// Start serves ln in the background.
func (s *Server) Start(ln net.Listener) { s.wait.Go(func() { _ = s.Serve(ln) }) }

// Serve answers connections until the listener is closed, and returns nil then.
func (s *Server) Serve(ln net.Listener) error {
	if !s.open(ln) {
		return ln.Close()
	}
	for {
		// Before accept, not after it: spamd has no child that could accept.
		if !s.childFree() {
			return nil
		}
		conn, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		s.wait.Go(func() {
			s.child(&line{Conn: conn, done: make(chan struct{})})
			if s.children != nil {
				<-s.children
			}
		})
	}
}

func (s *Server) open(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.conns == nil {
		s.conns, s.quit = map[*line]struct{}{}, make(chan struct{})
		if s.Children > 0 {
			s.children = make(chan struct{}, s.Children)
		}
	}
	s.listeners = append(s.listeners, ln)
	return true
}

func (s *Server) childFree() bool {
	if s.children == nil {
		return true
	}
	select {
	case s.children <- struct{}{}:
		return true
	case <-s.quit:
		return false
	}
}

func (s *Server) child(conn *line) {
	defer conn.Close()
	s.mu.Lock()
	closed := s.closed
	s.conns[conn] = struct{}{}
	s.mu.Unlock()
	if !closed {
		s.converse(conn)
	}
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
}

// Interrupt closes every connection without an answer, as spamd does on SIGHUP.
func (s *Server) Interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// Close ends the listeners and the connections, and waits for the children.
// One that waits in Choose holds it up.
func (s *Server) Close() {
	s.mu.Lock()
	if s.quit != nil && !s.closed {
		close(s.quit)
	}
	s.closed = true
	for _, ln := range s.listeners {
		_ = ln.Close()
	}
	s.mu.Unlock()
	s.Interrupt()
	s.wait.Wait()
}

// Requests are the complete requests so far, in the order of their ends.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Served counts complete requests, PING among them, forgotten or not.
func (s *Server) Served() int { return int(s.served.Load()) }

func (s *Server) note(r Request) {
	s.served.Add(1)
	if s.Forget {
		return
	}
	r.Body = append([]byte(nil), r.Body...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
}

func (s *Server) reply(r Request) Reply {
	if s.Choose != nil {
		return s.Choose(r)
	}
	if b := s.became.Load(); b != nil {
		return *b
	}
	return s.Reply
}

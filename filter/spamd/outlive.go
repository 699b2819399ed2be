package spamd

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/teamwork/spamc"
)

// keep lets a scan that nobody waits for run to its end, so that its slot is
// taken for as long as its child is. Without that, a spamd in trouble would get
// ever more to do. A retry of the message gets its answer. It reports false when
// the Scanner and its heirs are closed.
//
// Only the slot of a scan that is overdue is lost to those in line. One whose
// client hung up goes on at the pace of all others, and when Postfix is restarted
// that is every scan there is: to count on none of their slots would send all
// mail away.
func (s *Scanner) keep(g *guard, w *waiter, done func(error), overdue bool) bool {
	s.mu.Lock()
	if s.scanners == 0 {
		s.mu.Unlock()
		return false
	}
	g.adopt()
	s.detached[g] = struct{}{}
	s.wait.Add(1)
	s.mu.Unlock()
	s.line.detach(g.server, w.lane, overdue)
	n := w.scan
	w.scan = nil // outlive sees to its end
	go s.outlive(g, w.lane, done, n, overdue)
	return true
}

func (s *Scanner) outlive(g *guard, w lane, done func(error), n *scan, overdue bool) {
	defer s.wait.Done()
	a, err := s.late(g)
	if err == nil {
		s.recent.finish(n, a)
	}
	s.recent.fail(n)
	s.mu.Lock()
	delete(s.detached, g)
	s.mu.Unlock()
	s.done(g)
	s.record(g.server, done, err)
	s.line.reattach(g.server, w, overdue)
	s.line.release(g.server, w, 0)
}

// late waits for the answer. Nobody above would contain a panic of spamc.
func (s *Scanner) late(g *guard) (a answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: panic: %v", errGarbled, p)
		}
	}()
	if err := g.receive(); err != nil {
		return answer{}, err
	}
	g.head = g.reply.forLibrary()
	return s.converse(context.Background(), g, spamc.New(g.server.Address, heard{g}), strings.NewReader(""), spamc.Header{})
}

// heard is a guard whose reply is there. What spamc writes goes nowhere: spamd
// has had the request.
type heard struct{ *guard }

// DialContext gives the connection that there is.
func (h heard) DialContext(context.Context, string, string) (net.Conn, error) { return h, nil }

// ReadFrom takes the request.
func (h heard) ReadFrom(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }

// Write takes the request.
func (h heard) Write(p []byte) (int, error) { return len(p), nil }

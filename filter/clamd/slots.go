package clamd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"proxyfilter/filter"
)

// errBusy is a place in line that was not reached in time.
var errBusy = errors.New("no slot was free in time")

// acquire waits for a slot; a zero time waits until the context ends. When every slot
// is with a scan that should have ended long ago, nobody knows when one comes free, and
// the message is told at once.
func (s *Scanner) acquire(ctx context.Context, until time.Time, f *filter.Finding) error {
	select {
	case s.slots <- struct{}{}:
		return nil
	default:
	}
	if s.hopeless() {
		return fmt.Errorf("%w: every slot is with a scan that is overdue", errBusy)
	}
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	start := time.Now()
	defer func() { f.Waited += time.Since(start) }()
	var over <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		over = t.C
	}
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-over:
		return fmt.Errorf("waited %v: %w", time.Since(start).Round(time.Millisecond), errBusy)
	case <-ctx.Done():
		return fmt.Errorf("waited %v for a slot: %w", time.Since(start).Round(time.Millisecond), ctx.Err())
	}
}

func (s *Scanner) release() { <-s.slots }

func (s *Scanner) hopeless() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.overdue >= cap(s.slots)
}

// keep waits for the end of a scan that nobody waits for any more, and gives its slot
// back then. It reports false when the Scanner is closed.
//
// Only a scan that is overdue says something about the others: one whose client hung up
// goes on at the pace of all.
func (s *Scanner) keep(conn net.Conn, begin time.Time, overdue bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.detached[conn] = struct{}{}
	if overdue {
		s.overdue++
	}
	_ = conn.SetDeadline(begin.Add(s.config.ScanTime))
	s.wait.Go(func() { s.outlive(conn, overdue) })
	return true
}

func (s *Scanner) outlive(conn net.Conn, overdue bool) {
	if line, err := receive(conn); err == nil {
		if _, err := parse(line); err == nil {
			s.answered()
		}
	}
	_ = conn.Close()
	s.mu.Lock()
	delete(s.detached, conn)
	if overdue {
		s.overdue--
	}
	s.mu.Unlock()
	s.release()
}

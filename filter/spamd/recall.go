package spamd

import (
	"context"
	"fmt"
	"slices"
	"time"

	"proxyfilter/filter"
)

// scanOf is nil for a message that cannot be told from others.
func (s *Scanner) scanOf(m *filter.Message, q *request) *scan {
	if !m.Fingerprint.Known() {
		return nil
	}
	about := subject{m.Fingerprint, m.Client, q.user, s.config.ScanLimit}
	about.client.Port, about.client.Ident = "", "" // of one attempt
	return &scan{about: about}
}

// recall is the answer to the same message, if spamd has been asked about it
// lately. A scan that is under way is waited for, but no longer than a slot would
// be: its child may be lost, and then another server may be better. Without an
// answer and without an error the message needs a scan of its own.
func (s *Scanner) recall(ctx context.Context, w *waiter, f *filter.Finding) (*answer, error) {
	found := s.recent.find(w.scan)
	if found == nil {
		return nil, nil
	}
	from := time.Now()
	if err := found.wait(ctx, w.until); err != nil {
		return nil, fmt.Errorf("spamd: waited for the scan of an earlier attempt: %w", err)
	}
	f.Waited = time.Since(from)
	a, on := s.recent.outcome(found)
	switch {
	case a == nil:
		w.avoid = on
		return nil, nil
	case !slices.Contains(s.servers, on): // a reload has done away with it
		return nil, nil
	}
	f.Server = on.Address
	f.Labels = append(f.Labels, filter.Reused)
	return a, nil
}

// wait returns at the end of the scan, and at the limit, if there is one. The
// error is the context's.
func (n *scan) wait(ctx context.Context, limit time.Time) error {
	select {
	case <-n.done:
		return nil
	default:
	}
	var late <-chan time.Time
	if !limit.IsZero() {
		t := time.NewTimer(time.Until(limit))
		defer t.Stop()
		late = t.C
	}
	select {
	case <-n.done:
	case <-late:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

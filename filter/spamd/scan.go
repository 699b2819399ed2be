package spamd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"proxyfilter/filter"
)

// Scan has the message scanned by one of the servers. An error is a
// *filter.Failure. It returns when the context ends; the scan itself then goes
// on if the message has been handed over, and keeps its slot.
func (s *Scanner) Scan(ctx context.Context, m filter.Message) (filter.Finding, error) {
	f := filter.Finding{Source: s.Name()}
	if len(s.servers) == 0 {
		return f, s.failure(&unreachable{errors.New("spamd: no server is configured")})
	}
	q, err := s.compose(&m)
	if err != nil {
		return f, s.failure(&unreadable{fmt.Errorf("spamd: %w", err)})
	}
	a, err := s.answer(ctx, s.waiter(&m, q), q, &f)
	if err != nil {
		return f, s.failure(err)
	}
	f.Score, f.Limit, f.Rules = a.score, a.limit, a.rules
	if q.cut {
		f.Labels = append(f.Labels, filter.Truncated)
		if s.signed(ctx, m.Content) {
			f.Labels = append(f.Labels, filter.Signed)
		}
	}
	return f, nil
}

func (s *Scanner) waiter(m *filter.Message, q *request) *waiter {
	w := &waiter{lane: small, scan: s.scanOf(m, q)}
	if q.size > bigFrom {
		w.lane = big
	}
	if s.config.Wait > 0 {
		since := m.Received
		if since.IsZero() {
			since = time.Now()
		}
		w.until = since.Add(s.config.Wait)
	}
	return w
}

// answer is the one that was given to the same message lately, or else a new one.
func (s *Scanner) answer(ctx context.Context, w *waiter, q *request, f *filter.Finding) (answer, error) {
	known, err := s.recall(ctx, w, f)
	if err != nil {
		return answer{}, err
	}
	if known != nil {
		return *known, nil
	}
	defer func() { s.recent.fail(w.scan) }()
	a, err := s.try(ctx, w, q, f)
	if err == nil {
		s.recent.finish(w.scan, a)
	}
	return a, err
}

// try asks until there is an answer, or no attempt is left that could help.
func (s *Scanner) try(ctx context.Context, w *waiter, q *request, f *filter.Finding) (answer, error) {
	var failures attempts
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		from := time.Now()
		v, err := s.line.acquire(ctx, w)
		f.Waited += time.Since(from)
		if err != nil {
			return answer{}, failures.or(fmt.Errorf("spamd: waited %v for a slot: %w", f.Waited.Round(time.Millisecond), err))
		}
		f.Server = v.Address
		s.recent.begin(w.scan, v)
		a, err := s.attempt(ctx, v, w, q)
		if err == nil {
			return a, nil
		}
		silent := failures.add(v, err)
		if silent >= mostSilent {
			w.spent = append(w.spent, v)
		}
		if !s.again(err, w, len(failures.each)) || !sleep(ctx, max(pause, afterSilence(silent))) {
			return answer{}, failures.or(nil)
		}
		// The message has waited for its turn once, and its time for the scan
		// is the context's.
		w.avoid, w.until = v, time.Time{}
	}
}

package spamd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-multierror"

	"proxyfilter/filter"
)

// The pauses between attempts double from the first to the longest. spamd
// refuses connects for about a second when it restarts.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = time.Second
)

// Scan has the message scanned by one of the servers. An error is a
// *filter.Failure. It returns when the context ends; the scan itself then goes
// on if the message has been handed over, and keeps its slot.
func (s *Scanner) Scan(ctx context.Context, m filter.Message) (filter.Finding, error) {
	f := filter.Finding{Source: s.Name()}
	if len(s.servers) == 0 {
		return f, s.failure(&unreachable{errors.New("spamd: no server is configured")})
	}
	q, err := s.compose(m)
	if err != nil {
		return f, s.failure(&unreadable{fmt.Errorf("spamd: %w", err)})
	}
	a, err := s.try(ctx, s.waiter(m, q), q, &f)
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

func (s *Scanner) waiter(m filter.Message, q request) *waiter {
	w := &waiter{lane: small}
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

// try asks until there is an answer, or no attempt is left that could help.
func (s *Scanner) try(ctx context.Context, w *waiter, q request, f *filter.Finding) (answer, error) {
	var failures attempts
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		from := time.Now()
		v, err := s.line.acquire(ctx, w)
		f.Waited += time.Since(from)
		if err != nil {
			return answer{}, failures.or(fmt.Errorf("spamd: waited %v for a slot: %w", f.Waited.Round(time.Millisecond), err))
		}
		f.Server = v.Address
		a, err := s.attempt(ctx, v, w.lane, q)
		if err == nil {
			return a, nil
		}
		failures.add(v, err)
		if !s.again(err, len(failures.each)) || !sleep(ctx, pause) {
			return answer{}, failures.or(nil)
		}
		// The message has waited for its turn once, and its time for the scan
		// is the context's.
		w.avoid, w.until = v, time.Time{}
	}
}

// again reports whether another attempt makes sense. An answer that is none
// will be none again, unless it comes from somebody else.
func (s *Scanner) again(err error, tried int) bool {
	if s.lasting() {
		return false
	}
	return passing(err) || errors.Is(err, errGarbled) && tried < len(s.servers)
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// attempts keeps the last error of each server.
type attempts struct{ each []attemptError }

type attemptError struct {
	server *server
	count  int
	err    error
}

func (a *attempts) add(v *server, err error) {
	for i := range a.each {
		if e := &a.each[i]; e.server == v {
			e.count, e.err = e.count+1, err
			return
		}
	}
	a.each = append(a.each, attemptError{v, 1, err})
}

// or is one error for all attempts, or the other one if there was none. What
// the servers said is worth more than that the time is over: so a context that
// ended in a pause is no timeout but a server that could not be reached.
func (a *attempts) or(otherwise error) error {
	if len(a.each) == 0 {
		return otherwise
	}
	var all *multierror.Error
	for _, e := range a.each {
		err := fmt.Errorf("spamd %s: %w", e.server.Address, e.err)
		if e.count > 1 {
			err = fmt.Errorf("%w (%d attempts)", err, e.count)
		}
		if len(a.each) == 1 {
			return err
		}
		all = multierror.Append(all, err)
	}
	all.ErrorFormat = oneLine
	return all.ErrorOrNil()
}

// oneLine is for records, which are lines.
func oneLine(errs []error) string {
	text := ""
	for i, err := range errs {
		if i > 0 {
			text += "; "
		}
		text += err.Error()
	}
	return text
}

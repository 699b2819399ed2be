package clamd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"proxyfilter/filter"
)

// The pauses between attempts double from the first to the longest.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = time.Second
)

// mostSilent is how often clamd may take the message and close without an answer. A
// restart is one cause of that, and the message itself the other: it may kill each
// clamd that reads it.
const mostSilent = 3

// Scan has the message scanned. An error is a *filter.Failure. It returns when the
// context ends; the scan itself then goes on if the message has been handed over, and
// keeps its slot.
func (s *Scanner) Scan(ctx context.Context, m filter.Message) (filter.Finding, error) {
	f := filter.Finding{Source: s.Name(), Server: s.config.Address, Viruses: true}
	offer := s.limit.of(m.Content.Size(), s.config.ScanLimit)
	found, err := s.ask(ctx, m, &offer, &f)
	if err != nil {
		err = fmt.Errorf("clamd %s: %w", s.config.Address, err)
		return f, &filter.Failure{Cause: cause(err), Blind: s.health.blind(), Err: err}
	}
	if offer < m.Content.Size() {
		f.Labels = []string{filter.Truncated}
	}
	if found != (filter.Rule{}) {
		f.Advice, f.Rules = filter.Reject, []filter.Rule{found}
		f.Text = "Message refused: it contains " + found.Name + " (ref {id}){contact}"
	}
	return f, nil
}

// ask tries until there is an answer, or no attempt is left that could help.
func (s *Scanner) ask(ctx context.Context, m filter.Message, offer *int64, f *filter.Finding) (filter.Rule, error) {
	if err := s.acquire(ctx, s.until(m), f); err != nil {
		return filter.Rule{}, err
	}
	if s.config.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.config.Timeout)
		defer cancel()
	}
	silent := 0
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		found, err := s.attempt(ctx, m.Content, *offer)
		if isSilent(err) {
			silent++
		}
		switch {
		case errors.Is(err, errTooLarge) && *offer > least:
			*offer = s.lower(*offer)
		case err == nil || !s.again(err, silent) || !sleep(ctx, pause):
			return found, err
		}
		// Of what went wrong, the first word says more than that time is over.
		if s.acquire(ctx, time.Time{}, f) != nil {
			return filter.Rule{}, err
		}
	}
}

// until is the end of waiting for the first slot.
func (s *Scanner) until(m filter.Message) time.Time {
	switch {
	case s.config.Wait <= 0:
		return time.Time{}
	case m.Received.IsZero():
		return time.Now().Add(s.config.Wait)
	}
	return m.Received.Add(s.config.Wait)
}

// again reports whether another attempt makes sense.
func (s *Scanner) again(err error, silent int) bool {
	if s.health.lasting(s.config.Outage) || silent >= mostSilent {
		return false
	}
	return isUnreachable(err) || isSilent(err)
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

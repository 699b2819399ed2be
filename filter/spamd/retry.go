package spamd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-multierror"
)

// The pauses between attempts double from the first to the longest. spamd
// refuses connects for about a second when it restarts.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = time.Second
)

// mostSilent is how often one server may take the message and close without an
// answer. A restart is one cause of that, and the message itself the other: it
// may kill each child that reads it. It is less than failures, so that one such
// message does not open a breaker.
const mostSilent = 4

// firstSilence is the pause behind the first silent end; each further one is
// four times as long. So the attempts begin at 0, 0.1, 0.5 and 2.1 s, and outlast
// a restart even if a spamd on its way out takes every connection.
const firstSilence = 100 * time.Millisecond

func afterSilence(n int) time.Duration {
	if n == 0 || n >= mostSilent {
		return 0 // what follows is another server's
	}
	return firstSilence << (2 * (n - 1))
}

// again reports whether another attempt makes sense. An answer that is none
// will be none again, unless it comes from somebody else.
func (s *Scanner) again(err error, w *waiter, tried int) bool {
	if s.lasting(s.config.Outage) && tried >= len(s.servers) || len(w.spent) >= len(s.servers) {
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
	silent int // of these, without an answer
	err    error
}

// add returns how often the server has been silent, or 0 if it was not so now.
func (a *attempts) add(v *server, err error) (silent int) {
	i := slices.IndexFunc(a.each, func(e attemptError) bool { return e.server == v })
	if i < 0 {
		i = len(a.each)
		a.each = append(a.each, attemptError{server: v})
	}
	e := &a.each[i]
	e.count, e.err = e.count+1, err
	if !isUnanswered(err) {
		return 0
	}
	e.silent++
	return e.silent
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

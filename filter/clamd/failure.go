package clamd

import (
	"context"
	"errors"
	"os"

	"proxyfilter/filter"
)

// unreachable is a connect that failed while there was time for it.
type unreachable struct{ error }

func (u *unreachable) Unwrap() error { return u.error }

func isUnreachable(err error) bool {
	var u *unreachable
	return errors.As(err, &u)
}

// silence is the end of a connection without a word.
type silence struct{ error }

// Error says what is missing.
func (s *silence) Error() string { return "closed without an answer: " + s.error.Error() }

func (s *silence) Unwrap() error { return s.error }

func isSilent(err error) bool {
	var s *silence
	return errors.As(err, &s)
}

// unreadable is an error of the message, not of clamd.
type unreadable struct{ error }

func (u *unreadable) Unwrap() error { return u.error }

// cause is the word for the failure.
func cause(err error) filter.Cause {
	var said *Error
	var message *unreadable
	switch {
	case errors.Is(err, errBusy):
		return filter.CauseBusy
	case errors.As(err, &said), errors.Is(err, errTooLarge):
		return filter.CauseRefused
	case errors.As(err, &message):
		return filter.CauseOther
	case isUnreachable(err):
		return filter.CauseUnreachable
	case errors.Is(err, context.Canceled):
		return filter.CauseGone
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return filter.CauseTimeout
	}
	return filter.CauseBroken
}

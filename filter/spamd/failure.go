package spamd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"proxyfilter/filter"
)

// Error is an answer of spamd that it cannot do what was asked: a number of
// sysexits.h and a text.
type Error struct {
	Code int
	Text string
}

// The codes that spamd uses for what may be over soon.
const (
	exUnavailable = 69
	exOSErr       = 71
	exIOErr       = 74
	exTempFail    = 75
	exTimeout     = 79
)

// Error is code and text.
func (e *Error) Error() string { return fmt.Sprintf("answered %d %s", e.Code, e.Text) }

// Temporary reports whether the same request may succeed later.
func (e *Error) Temporary() bool {
	switch e.Code {
	case exUnavailable, exOSErr, exIOErr, exTempFail, exTimeout:
		return true
	}
	return false
}

// unreachable is a connect that failed while there was time for it.
type unreachable struct{ error }

func (u *unreachable) Unwrap() error { return u.error }

// unanswered is the end of an exchange in which spamd had the request.
type unanswered struct{ error }

func (u *unanswered) Unwrap() error { return u.error }

func isUnanswered(err error) bool {
	var u *unanswered
	return errors.As(err, &u)
}

// unreadable is an error of the message, not of spamd.
type unreadable struct{ error }

func (u *unreadable) Unwrap() error { return u.error }

// counts reports whether the failure speaks against the server.
func counts(err error) bool {
	var asked *Error
	var message *unreadable
	switch {
	case errors.As(err, &asked), errors.As(err, &message), errors.Is(err, errUncounted):
		return false
	case errors.Is(err, context.DeadlineExceeded) && !isUnreachable(err), errors.Is(err, context.Canceled):
		return false
	case errors.Is(err, os.ErrDeadlineExceeded) && !isUnreachable(err), errors.Is(err, net.ErrClosed):
		return false // our clock
	case errors.Is(err, syscall.EAGAIN):
		return false // a full backlog of a unix socket: all children are busy
	}
	return true
}

func isUnreachable(err error) bool {
	var u *unreachable
	return errors.As(err, &u)
}

// passing reports whether another attempt may help: refused, reset, ended
// without a whole answer, or a temporary code.
func passing(err error) bool {
	var asked *Error
	if errors.As(err, &asked) {
		return asked.Temporary()
	}
	return counts(err) && !errors.Is(err, errGarbled) || isUnreachable(err)
}

// cause is the word for the failure.
func cause(err error) filter.Cause {
	var asked *Error
	var message *unreadable
	switch {
	case errors.Is(err, errBusy):
		return filter.CauseBusy
	case errors.As(err, &asked):
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

func (s *Scanner) failure(err error) *filter.Failure {
	return &filter.Failure{Cause: cause(err), Blind: s.blind(), Err: err}
}

package spamd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/teamwork/spamc"

	"proxyfilter/filter"
)

// Class is what a person says about a message.
type Class string

// The classes.
const (
	Spam Class = "spam"
	Ham  Class = "ham"
)

// Lesson is what one server made of a message that it was told about.
type Lesson struct {
	Server string // its address

	// Learned is false without an error when there was nothing to learn: the
	// message is known already, or the server keeps no Bayes statistics.
	Learned bool
	Err     error
}

// ErrTellForbidden is a spamd without --allow-tell.
var ErrTellForbidden = errors.New("spamd does not allow TELL")

// Learn tells every server what a message is, for the user that Scan asks for. Each
// may have statistics of its own; where several share them, the first one learns, and
// the others know the message already. An error is about the message itself.
func (s *Scanner) Learn(ctx context.Context, m filter.Message, as Class) ([]Lesson, error) {
	if as != Spam && as != Ham {
		return nil, fmt.Errorf("spamd: nobody learns %q", as)
	}
	q, err := s.compose(&m)
	if err != nil {
		return nil, fmt.Errorf("spamd: %w", err)
	}
	lessons := make([]Lesson, 0, len(s.servers))
	for _, v := range s.servers {
		learned, err := s.teach(ctx, v, q, as)
		if err != nil {
			err = fmt.Errorf("spamd %s: %w", v.Address, err)
		}
		lessons = append(lessons, Lesson{v.Address, learned, err})
	}
	return lessons, nil
}

// teach tells one server. It takes a slot, because the server needs a child for it.
func (s *Scanner) teach(ctx context.Context, v *server, q *request, as Class) (learned bool, err error) {
	if !s.line.tryAcquire(v) {
		return false, errBusy
	}
	defer s.line.release(v, small, 0)
	done := v.allow()
	g := s.guard(v, time.Now())
	defer s.done(g)
	header := spamc.Header{"Content-length": strconv.FormatInt(q.size, 10), "Message-class": string(as), "Set": "local"}
	if q.user != "" {
		header["User"] = q.user
	}
	said, err := tell(ctx, spamc.New(v.Address, g), q, header)
	if err = g.verdict(err); err != nil && ctx.Err() != nil && !g.reply.complete {
		err = ctx.Err()
	}
	s.record(v, done, err)
	if forbidden(err) {
		return false, fmt.Errorf("%w: %w", ErrTellForbidden, err)
	}
	if err != nil {
		return false, err
	}
	return len(said.DidSet) > 0, nil
}

// tell contains spamc's panic: when it cannot connect or send, its Tell closes a
// reply that there is not.
func tell(ctx context.Context, c *spamc.Client, q *request, h spamc.Header) (said *spamc.ResponseTell, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("spamc: %v", p)
		}
	}()
	return c.Tell(ctx, q.reader(), h)
}

// forbidden tells a missing --allow-tell from what spamd uses the same code for
// (spamd, dotell).
func forbidden(err error) bool {
	var asked *Error
	return errors.As(err, &asked) && asked.Code == exUnavailable && strings.Contains(asked.Text, "TELL")
}

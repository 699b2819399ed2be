package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"
)

// use asks the server for something, if it is to be asked at all.
func (s *Store) use(ctx context.Context, do func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	bounded, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	_, err := s.breaker.Execute(func() (struct{}, error) { return struct{}{}, do(bounded) })
	if err == nil {
		return nil
	}
	if ended := ended(ctx); ended != nil {
		return fmt.Errorf("store: redis at %s: %w", s.server.Address, ended)
	}
	return s.failure(err)
}

// ended is why the context has ended. The connection has the same deadline, and a
// clock of its own, which may be the first to notice.
func ended(ctx context.Context) error {
	if deadline, has := ctx.Deadline(); has && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// answered reports whether the server has said something in time. An error of its own
// (it is a read-only replica, or out of memory) costs nobody time, and concerns some
// uses only: a full server still finds what it has.
func answered(err error) bool {
	var reply redis.Error
	return err == nil || errors.As(err, &reply)
}

// maxText bounds what is said of an error: it may be the server's text.
const maxText = 300

// failure is an error as it may be shown. A server older than HELLO repeats the words
// of a command that it does not know, and the password is one of them; so the text is
// kept, and not the error.
func (s *Store) failure(err error) error {
	text := err.Error()
	var network net.Error
	switch {
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		text = fmt.Sprintf("it has failed %d times in a row, and is asked again after %v", failures, s.pause)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &network) && network.Timeout():
		text = fmt.Sprintf("no answer within %v", s.timeout.Round(time.Millisecond))
	}
	if s.server.Password != "" {
		text = strings.ReplaceAll(text, s.server.Password, "***")
	}
	text = strings.Map(printable, strings.ToValidUTF8(text, "?"))
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "..."
	}
	return fmt.Errorf("store: redis at %s: %s", s.server.Address, text)
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return '?'
	}
	return r
}

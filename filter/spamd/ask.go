package spamd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/teamwork/spamc"

	"proxyfilter/filter"
)

// answer is what spamd said about one message.
type answer struct {
	score, limit float64
	rules        []filter.Rule
}

// maxScore is beyond every sum of rules. What is larger, or no number, is no
// score, and must not reach a sum that decides about mail.
const maxScore = 1e6

// attempt asks one server once. The slot is the server's, and is free, or the
// business of a goroutine that needs nothing of the message, when it returns.
func (s *Scanner) attempt(ctx context.Context, v *server, w *waiter, q *request) (a answer, err error) {
	begin := time.Now()
	done := v.allow()
	g := s.guard(v, begin)
	kept := false
	err = errUncounted // stays if scan panics, which others may survive
	defer func() {
		if !kept {
			s.finish(g, w.lane, done, begin, err)
		}
	}()
	a, err = s.scan(ctx, g, q)
	switch {
	case err != nil && ctx.Err() != nil && !g.reply.complete:
		err = ctx.Err()
		kept = g.abandoned() && s.keep(g, w, done, errors.Is(err, context.DeadlineExceeded))
	case g.silent() && passing(err):
		err = &unanswered{err}
	}
	return a, err
}

// finish gives back all that an attempt holds. Each part is done even if one
// before it panics.
func (s *Scanner) finish(g *guard, w lane, done func(error), begin time.Time, err error) {
	took := time.Since(begin)
	if err != nil {
		took = 0 // a refused connect is quick, and says nothing about scans
	}
	defer s.line.release(g.server, w, took)
	defer s.record(g.server, done, err)
	s.done(g)
}

// scan has the conversation.
func (s *Scanner) scan(ctx context.Context, g *guard, q *request) (answer, error) {
	// A header of its own for each request: spamc writes into it.
	header := spamc.Header{"Content-length": strconv.FormatInt(q.size, 10)}
	if q.user != "" {
		header["User"] = q.user
	}
	g.symbols = g.server.symbols.Load()
	return s.converse(ctx, g, spamc.New(g.server.Address, g), q.reader(), header)
}

// converse has spamc ask, and reads what came of it.
func (s *Scanner) converse(ctx context.Context, g *guard, client *spamc.Client, message io.Reader, header spamc.Header) (answer, error) {
	var said spamc.ResponseScore
	var err error
	if g.symbols {
		var r *spamc.ResponseSymbols
		if r, err = client.Symbols(ctx, message, header); err == nil {
			said = r.ResponseScore
		}
	} else {
		var r *spamc.ResponseReport
		if r, err = client.Report(ctx, message, header); err == nil {
			said = r.ResponseScore
		}
	}
	if err := g.verdict(err); err != nil {
		return answer{}, err
	}
	if err := sane(said); err != nil {
		return answer{}, err
	}
	a := answer{score: said.Score, limit: said.BaseScore}
	a.rules = s.rules(g, a.score)
	return a, nil
}

// verdict is the error that says most: what the message or the connection said,
// then spamd, then spamc.
func (g *guard) verdict(library error) error {
	switch {
	case g.content != nil:
		return &unreadable{fmt.Errorf("read the message: %w", g.content)}
	case g.err != nil:
		return g.err
	case g.reply.code != 0:
		return &Error{Code: g.reply.code, Text: g.reply.text}
	case g.deaf: // a refusal may come early, a score may not
		return fmt.Errorf("%w: it came before the message had been read", errGarbled)
	case library != nil:
		return fmt.Errorf("%w: %w", errGarbled, discreet(library))
	}
	return nil
}

// discreet leaves out what the library could not read: it may be anything.
func discreet(library error) error {
	if text, _, quoted := strings.Cut(library.Error(), `"`); quoted {
		return errors.New(strings.TrimRight(text, ": "))
	}
	return library
}

func sane(said spamc.ResponseScore) error {
	for _, n := range [...]float64{said.Score, said.BaseScore} {
		if math.IsNaN(n) || math.Abs(n) > maxScore {
			return fmt.Errorf("%w: %v is no score", errGarbled, n)
		}
	}
	return nil
}

// rules reads the table or the names. A table that cannot be read costs this
// message its rules, and no other one.
func (s *Scanner) rules(g *guard, score float64) []filter.Rule {
	body := g.reply.body(g.buf)
	if g.symbols {
		return parseSymbols(body)
	}
	rules, err := parseReport(body)
	if err == nil && (len(rules) > 0 || score == 0) {
		return rules
	}
	if g.server.symbols.CompareAndSwap(false, true) {
		s.config.Notice(Notice{TableUnreadable, g.server.Address})
	}
	return nil
}

// bufferSize is the buffer of one request: most mail is smaller and goes out in
// one write.
const bufferSize = 64 << 10

func (s *Scanner) guard(v *server, begin time.Time) *guard {
	b, _ := s.buffers.Get().(*[]byte)
	if b == nil {
		fresh := make([]byte, 0, bufferSize)
		b = &fresh
	}
	return &guard{
		server: v, dial: s.config.Dial, connect: s.config.ConnectTimeout,
		until: begin.Add(s.config.ChildTimeout), buf: (*b)[:0],
	}
}

// done closes the connection and keeps the buffer for the next one.
func (s *Scanner) done(g *guard) {
	g.shut()
	if cap(g.buf) == bufferSize {
		b := g.buf[:0]
		s.buffers.Put(&b)
	}
	g.buf = nil
}

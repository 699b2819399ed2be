// Package spamd asks SpamAssassin's daemon what it thinks of a message.
//
// # What spamd is like
//
// One process answers one request per connection. With all its children busy,
// connects still succeed and nothing happens, PING included, so a client cannot
// see that it waits, nor for how many others. A child goes on with its message
// when the client has hung up. On SIGHUP, which every sa-update sends, scans in
// flight end without an answer and connects are refused for about a second
// (spamd 4.0.1).
//
// # What follows from it
//
// Waiting happens here. Each server has as many slots as it may be asked things
// at once; messages wait in one line for the first slot that comes free (see
// line). A message that cannot get one in time is told so at once. A scan whose
// message was given up keeps its slot until spamd is through with it, because
// that child is not free before. What ends without an answer is repeated while
// the context lasts. The breaker of a server counts refused connects and broken
// answers, and never our own impatience; it moves a server to the end of the
// order and never leaves a message without any.
//
// # The copy
//
// spamd reads the message as received, with one insertion: SpamAssassin knows
// the sender of the envelope only from the Received field that Postfix wrote,
// so `(envelope-from <sender>)` goes into its copy (see envelope.go). A site
// that sets envelope_sender_header in local.cf switches that off: SpamAssassin
// then believes a field that any client can write. Do not set it.
//
// The protocol work is done by github.com/teamwork/spamc behind a connection of
// ours, which adds what it lacks: cancellation, half-close, bounds (see guard).
package spamd

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"proxyfilter/filter"
)

// Server is one spamd.
type Server struct {
	Network string // "tcp" or "unix"
	Address string // "127.0.0.1:783" or a path
	Slots   int    // scans at once; spamd's --max-children less one. At least 1
}

// Balance is how a free slot is chosen.
type Balance uint8

// The ways.
const (
	LeastBusy Balance = iota // the server with the smallest share of its slots in use
	First                    // the first server with a free slot
)

// Config is what a Scanner needs. Zero durations take the defaults below.
type Config struct {
	Servers []Server
	Balance Balance

	// User is spamd's "User:", whose preferences apply. "{recipient}" in it
	// stands for the recipient of a message that has one, and SharedUser is
	// asked for instead when there are several. Empty sends none.
	User       string
	SharedUser string

	// ScanLimit cuts what spamd reads to so many bytes; 0 never cuts.
	ScanLimit int64

	ConnectTimeout time.Duration
	ChildTimeout   time.Duration // longest scan; spamd's --timeout-child and some
	ProbeInterval  time.Duration // a server without success for so long gets a PING

	// Wait ends waiting for a slot, counted from Message.Received, so that a
	// scan that begins has time left. 0 waits until the context ends.
	Wait time.Duration

	// Outage makes a failed attempt final, once every attempt of anybody, PING
	// included, has failed for so long: repeating it would only hold the remote
	// client. It counts from the first failure, not from the last success: an
	// idle hour is no outage. 0 repeats until the context ends.
	Outage time.Duration

	// Dial makes connections. nil is a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Signed reports whether the whole content bears a signature that is, or
	// may be, valid and aligned. It is asked only about a message that was cut
	// and has a DKIM-Signature field. nil takes the field's word for it.
	Signed func(ctx context.Context, c filter.Content) bool

	// Notice hears of what an administrator should know. It must not block.
	Notice func(Notice)
}

// The defaults.
const (
	DefaultConnectTimeout = 2 * time.Second
	DefaultChildTimeout   = 330 * time.Second // spamd's own default is 300 s
	DefaultProbeInterval  = 30 * time.Second
)

// Event is what a Notice is about. The set is closed.
type Event string

// The events.
const (
	// TableUnreadable: REPORT has no table that could be read, in another
	// template for example. SYMBOLS is asked from now on: names, no points.
	TableUnreadable Event = "table-unreadable"
	ServerDown      Event = "server-down" // connects fail or answers break off, again and again
	ServerUp        Event = "server-up"   // it answers again
)

// Notice is told once per event, not per message.
type Notice struct {
	Event  Event
	Server string // its address
}

// Scanner is a filter.Scanner over one or more spamds. Its slots belong to it:
// two Scanners for one spamd ask for twice as much.
type Scanner struct {
	config  Config
	servers []*server
	line    line
	buffers sync.Pool // of *[]byte: one request or reply each
	began   time.Time
	answers atomic.Int64 // the last one by any server; nanoseconds after began
	outage  atomic.Int64 // the first failure since then; 0 for none

	mu       sync.Mutex
	detached map[*guard]struct{} // scans that nobody waits for
	closed   bool
	wait     sync.WaitGroup
}

// New makes a Scanner. It starts nothing: see Run.
func New(c Config) *Scanner {
	c.ConnectTimeout = orDefault(c.ConnectTimeout, DefaultConnectTimeout)
	c.ChildTimeout = orDefault(c.ChildTimeout, DefaultChildTimeout)
	c.ProbeInterval = orDefault(c.ProbeInterval, DefaultProbeInterval)
	if c.Dial == nil {
		// spamd closes after one answer, so keep-alive is three system calls
		// for nothing.
		c.Dial = (&net.Dialer{Timeout: c.ConnectTimeout, KeepAlive: -1}).DialContext
		c.ConnectTimeout = 0
	}
	if c.Notice == nil {
		c.Notice = func(Notice) {}
	}
	s := &Scanner{config: c, began: time.Now(), detached: map[*guard]struct{}{}}
	for _, each := range c.Servers {
		s.servers = append(s.servers, newServer(each))
	}
	s.line.servers, s.line.balance = s.servers, c.Balance
	return s
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

// Name is the source in findings, metrics and records.
func (s *Scanner) Name() string { return "spamd" }

// Close ends the scans that nobody waits for any more, and returns when they
// are gone. Scans that are waited for end with their contexts.
func (s *Scanner) Close() {
	s.mu.Lock()
	s.closed = true
	for g := range s.detached {
		g.cut()
	}
	s.mu.Unlock()
	s.wait.Wait()
}

// blind is for how long no server has answered.
func (s *Scanner) blind() time.Duration {
	return time.Since(s.began) - time.Duration(s.answers.Load())
}

// lasting reports an outage that a short pause will not end.
func (s *Scanner) lasting() bool {
	from := s.outage.Load()
	return s.config.Outage > 0 && from != 0 && time.Since(s.began)-time.Duration(from) >= s.config.Outage
}

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
// that child is not free before; its answer serves when the client tries again
// (see recent.go). A refused connect is repeated while the context lasts, and a
// scan that ended without an answer a few times for each server, with pauses that
// outlast a restart: a message that kills its child must not kill them all (see
// retry.go). The breaker of a server counts refused connects and broken answers,
// and never our own impatience; it moves a server to the end of the order and
// never leaves a message without any.
//
// A new configuration is a new Scanner, which takes over the line and the slots
// of the one before (Config.Inherit): spamd has no more children for a reload.
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
	// stands for the filter.Mailbox of a message's one recipient, and SharedUser is
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
	// included, has failed for so long and this message has tried every server:
	// repeating it would only hold the remote client. It counts from the first failure, not from the last success: an
	// idle hour is no outage. 0 repeats until the context ends.
	Outage time.Duration

	// Dial makes connections. nil is a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Signed reports whether the whole content bears a signature that is, or
	// may be, valid and aligned. It is asked only about a message that was cut
	// and has a DKIM-Signature field, and about two messages at a time. nil
	// takes the field's word for it.
	Signed func(ctx context.Context, c filter.Content) bool

	// Notice hears of what an administrator should know. It must not block.
	Notice func(Notice)

	// Inherit is the open Scanner that this one is to replace, or nil. Its line
	// becomes the line of both, and its slots in use stay in use for servers of
	// the same network and address. Their numbers of slots, the choice of
	// servers and the balance are those of the new Scanner from then on; all
	// else, User for example, stays with the Scanner that is asked. A server
	// whose table was unreadable gets another chance.
	Inherit *Scanner
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

// Scanner is a filter.Scanner over one or more spamds. Its slots belong to it
// and to those that inherit from it: two other Scanners for one spamd ask for
// twice as much.
type Scanner struct {
	*pool
	config    Config
	servers   []*server
	buffers   sync.Pool     // of *[]byte: one request or reply each
	verifying chan struct{} // calls of Config.Signed
	leaving   sync.Once
}

// New makes a Scanner. It starts nothing: see Run.
func New(c Config) *Scanner {
	c.ConnectTimeout = orDefault(c.ConnectTimeout, DefaultConnectTimeout)
	c.ChildTimeout = orDefault(c.ChildTimeout, DefaultChildTimeout)
	c.ProbeInterval = orDefault(c.ProbeInterval, DefaultProbeInterval)
	if c.Dial == nil {
		// spamd closes after one answer, so keep-alive is three system calls
		// for nothing. Not Dialer.DialTCP, which is quicker: without a local
		// address it binds one, and a busy host ran out of ports (tried).
		c.Dial = (&net.Dialer{Timeout: c.ConnectTimeout, KeepAlive: -1}).DialContext
		c.ConnectTimeout = 0
	}
	if c.Notice == nil {
		c.Notice = func(Notice) {}
	}
	s := &Scanner{pool: poolOf(c.Inherit), verifying: make(chan struct{}, verifications)}
	c.Inherit = nil // or each reload would keep all those before it
	s.config = c
	s.servers = s.line.take(c.Servers, c.Balance)
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
// are gone. A Scanner that has an heir leaves them to it. Scans that are waited
// for end with their contexts.
func (s *Scanner) Close() { s.leaving.Do(s.leave) }

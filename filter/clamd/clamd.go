// Package clamd asks ClamAV's daemon whether there is a virus in a message.
//
// # What clamd is like
//
// INSTREAM takes a message in chunks, each behind its length, and an empty one at the
// end; then clamd scans it and answers in one line: "stream: OK", "stream: NAME FOUND",
// or something that ends in ERROR. The main thread reads the chunks of all connections,
// into a file each, and MaxThreads threads scan; further messages stand in line there,
// in their order. A scan goes on when its client has hung up, for at most MaxScanTime
// (120 s); a message that was not handed over whole is dropped. With more bytes than
// StreamMaxLength (25 MB) clamd answers "INSTREAM size limit exceeded. ERROR" and closes,
// while the rest is still on its way (clamd 1.4).
//
// # What follows from it
//
// There are as many slots as clamd may be asked things at once, and messages wait for
// one in their order. One that has been handed over keeps its slot until clamd is
// through with it, whether somebody waits for the answer or not: else a clamd in
// trouble would get ever more to do. A clamd that is away is asked again while there is
// time, because a restart takes it seconds; when it has been away for longer than one
// message may wait, the next one is told at once.
//
// Of a message above Config.ScanLimit the first part is scanned, and the finding says
// so. If clamd takes less than that, half as much is offered, and so on: a message must
// not be put off for ever because two files of configuration disagree.
//
// The names of viruses are clamd's own. Which of them there are, heuristics and unwanted
// applications among them, is decided in clamd.conf and by its signatures; whatever it
// calls FOUND is a virus here.
package clamd

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a Scanner needs. Zero durations take the defaults below, or none.
type Config struct {
	Network string // "tcp" or "unix"
	Address string // "127.0.0.1:3310" or a path
	Slots   int    // messages at once; below clamd's MaxThreads. At least 1

	// ScanLimit cuts what clamd reads to so many bytes, and should not be above its
	// StreamMaxLength; 0 never cuts.
	ScanLimit int64

	ConnectTimeout time.Duration

	// Wait ends waiting for a slot, counted from Message.Received. 0 waits until the
	// context ends.
	Wait time.Duration

	// Timeout ends everything behind that, further attempts included. 0 leaves it to
	// the context.
	Timeout time.Duration

	// Outage makes a failed attempt final, once every attempt of anybody has failed for
	// so long. 0 repeats while there is time.
	Outage time.Duration

	// ScanTime is the longest scan: clamd's MaxScanTime and some.
	ScanTime time.Duration

	// Dial makes connections. nil is a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Notice hears of what an administrator should know. It must not block.
	Notice func(Notice)
}

// The defaults.
const (
	DefaultConnectTimeout = 2 * time.Second
	DefaultScanTime       = 150 * time.Second // MaxScanTime is 120 s
)

// Event is what a Notice is about. The set is closed.
type Event string

// The events.
const (
	ServerDown Event = "server-down" // connects fail or answers break off, again and again
	ServerUp   Event = "server-up"   // it answers again

	// StreamLimit: clamd takes less than ScanLimit. Its StreamMaxLength should be
	// raised, or the limit lowered.
	StreamLimit Event = "stream-limit"
)

// Notice is told once per event, not per message.
type Notice struct {
	Event  Event
	Server string // its address
}

// Scanner is a filter.Scanner, to be among Judge.Viruses. Its slots are its own: a
// second Scanner for the same clamd, which a reload makes, has as many again, and
// whatever is too much waits in clamd for a moment.
type Scanner struct {
	config  Config
	slots   chan struct{}
	buffers sync.Pool // of *[]byte
	health  health
	limit   limit
	waiting atomic.Int64

	mu       sync.Mutex
	closed   bool
	detached map[net.Conn]struct{} // scans that nobody waits for
	overdue  int                   // of these, for which time ran out
	wait     sync.WaitGroup
}

// New makes a Scanner. It starts nothing.
func New(c Config) *Scanner {
	if c.ConnectTimeout <= 0 {
		c.ConnectTimeout = DefaultConnectTimeout
	}
	if c.ScanTime <= 0 {
		c.ScanTime = DefaultScanTime
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{KeepAlive: -1}).DialContext // one answer, and clamd closes
	}
	if c.Notice == nil {
		c.Notice = func(Notice) {}
	}
	c.Slots = max(1, c.Slots)
	return &Scanner{
		config: c, slots: make(chan struct{}, c.Slots),
		health: health{began: time.Now()}, detached: map[net.Conn]struct{}{},
	}
}

// Name is the source in findings, metrics and records.
func (s *Scanner) Name() string { return "clamd" }

// Close ends the scans that nobody waits for any more. Those that are waited for end
// with their contexts.
func (s *Scanner) Close() {
	s.mu.Lock()
	s.closed = true
	for conn := range s.detached {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.wait.Wait()
}

// Status is the state of the slots, for metrics.
type Status struct {
	Address string
	Slots   int
	Busy    int           // slots in use
	Lost    int           // of these, by scans that nobody waits for any more
	Waiting int           // messages in line for a slot
	Blind   time.Duration // since the last answer
	Failing bool          // the last attempts have all failed
	Tried   time.Duration // since the last of them; 0 unless Failing
}

// Status looks at everything at about one moment.
func (s *Scanner) Status() Status {
	s.mu.Lock()
	lost := len(s.detached)
	s.mu.Unlock()
	failing, tried := s.health.failing()
	return Status{
		Address: s.config.Address, Slots: cap(s.slots), Busy: max(len(s.slots), lost), Lost: lost,
		Waiting: int(s.waiting.Load()), Blind: s.health.blind(), Failing: failing, Tried: tried,
	}
}

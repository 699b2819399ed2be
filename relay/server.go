// Package relay carries messages from the before-filter Postfix to the
// after-filter one, and asks a Judge in between.
//
// Postfix (smtpd_proxy_filter) connects once it has a valid recipient, says
// EHLO, XFORWARD, MAIL, RCPT, DATA and QUIT, one message a connection, while the
// remote client waits. Three parts carry that message:
//
//   - front is the connection from Postfix. go-smtp runs its command loop over
//     it, and sees neither content nor envelope.
//   - session is what go-smtp calls. It spools the content, asks the Judge and
//     turns the Verdict into one reply and one Record.
//   - NextHop is the after-filter Postfix. Its reply to the final dot is ours:
//     nothing is accepted here that was not accepted there.
package relay

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/rs/zerolog"

	"proxyfilter/filter"
	"proxyfilter/relay/wire"
)

// Judge is who the relay asks at the end of data. filter.Judge is one.
type Judge interface {
	Weigh(ctx context.Context, m filter.Message) filter.Verdict
}

// Hygiene says what happens to a message with bare CR or LF in it. Package wire
// tells why it cannot be left alone.
type Hygiene uint8

// The choices.
const (
	Normalize Hygiene = iota // CR becomes a space, LF becomes CRLF
	Strict                   // the message is refused with 550 5.6.11
)

// Budget is the clock of one message, counted from its end of data. All of it
// lies below smtpd_proxy_timeout, 100 s, or Postfix gives up on an answer that
// still comes, and the message is delivered twice.
type Budget struct {
	Verdict time.Duration // no verdict takes longer
	Commit  time.Duration // no final dot leaves later
	Reply   time.Duration // the next hop's reply is awaited until then
}

// Door is one listener and where its mail goes.
type Door struct {
	Name     string // in envelopes; empty for the main one
	Listener net.Listener
	NextHop  *NextHop
}

// Server accepts conversations and carries them to the next hop. Its fields
// must not change once Serve was called, and it serves once.
type Server struct {
	Hostname       string
	Judge          func() Judge   // asked once per message, so that a reload swaps it
	Own            func() Own     // asked once per message; nil: nothing besides SpamAssassin's fields is ours
	Allow          []netip.Prefix // who may connect over TCP; empty: everybody
	MaxConnections int            // 0: no limit
	IdleTimeout    time.Duration  // longest silence
	Drain          time.Duration  // then a stopping server cuts conversations off; what is at the next hop ends within Budget
	MaxMessage     int64          // bytes; 0: what the next hop announces
	Hygiene        Hygiene
	Budget         Budget
	AtMail         bool // open the next hop at MAIL and ask it for each recipient
	Spool          *Spool
	Store          Store               // remembers messages that may come again, across restarts; may be nil
	Record         func(filter.Record) // called once per outcome; must not block
	Log            zerolog.Logger

	buffers buffers
	readers readers
	guard   *guard
	places  chan struct{}

	mu       sync.Mutex
	fronts   map[*front]struct{}
	draining bool
	ended    sync.WaitGroup // conversations
}

// unannounced is the limit while the next hop has announced none: Postfix has
// one of its own, so this is only to bound what a stranger could send.
const unannounced = 1 << 30

// Serve accepts at all doors until ctx ends, then lets conversations finish for
// at most Drain, and returns when the last one has ended. It closes the
// listeners, and the idle connections to the next hops.
func (s *Server) Serve(ctx context.Context, doors ...Door) error {
	s.mu.Lock()
	s.fronts = make(map[*front]struct{})
	s.guard = newGuard(s.Store, s.Log)
	s.mu.Unlock()
	if s.MaxConnections > 0 {
		s.places = make(chan struct{}, s.MaxConnections)
	}
	library := s.library()
	var serving sync.WaitGroup
	for i := range doors {
		serving.Go(func() { s.open(ctx, library, &doors[i]) })
	}
	serving.Wait()
	s.finish()
	library.Close()
	for _, door := range doors {
		door.NextHop.Close()
	}
	return nil
}

// Conversations is how many there are now.
func (s *Server) Conversations() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.fronts)
}

// StoreFailures is how often the Store could not be used.
func (s *Server) StoreFailures() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.guard == nil {
		return 0
	}
	return s.guard.failures.Load()
}

// library is go-smtp's server, as released. All its limits and timeouts are
// off, because front has its own: go-smtp's end a message in the middle and
// execute the rest of it.
func (s *Server) library() *smtp.Server {
	library := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{srv: s, front: c.Conn().(*front)}, nil
	}))
	library.Domain = s.Hostname
	library.MaxLineLength = 0
	library.ErrorLog = complaints{s.Log}
	return library
}

// finish waits for the conversations under way and for late replies of the next
// hop, and ends those that take longer than Drain.
func (s *Server) finish() {
	s.mu.Lock()
	s.draining = true
	for f := range s.fronts {
		f.drain()
	}
	s.mu.Unlock()
	over, cancel := context.WithTimeout(context.Background(), s.Drain)
	defer cancel()
	stop := context.AfterFunc(over, s.cutOff)
	s.ended.Wait()
	stop()
	s.guard.finish(over)
}

func (s *Server) cutOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Log.Warn().Int("conversations", len(s.fronts)).Msg("stopping: conversations cut off")
	for f := range s.fronts {
		f.abandon()
	}
}

func (s *Server) stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

// greet makes the front of a new connection, and knows it until it is closed.
func (s *Server) greet(conn net.Conn, door *Door) *front {
	f := &front{raw: direct(conn), door: door, hostname: s.Hostname, buffers: &s.buffers, idle: s.IdleTimeout}
	f.hello = func() []string { return s.hello(door) }
	f.done = func() { s.forget(f) }
	s.ended.Add(1)
	s.mu.Lock()
	s.fronts[f] = struct{}{}
	f.draining = s.draining
	s.mu.Unlock()
	return f
}

func (s *Server) forget(f *front) {
	s.mu.Lock()
	delete(s.fronts, f)
	s.mu.Unlock()
	select {
	case <-s.places:
	default: // no limit, or it was let in beyond it: see place
	}
	if f.dropped > 0 {
		s.Log.Info().Int("attributes", f.dropped).Msg("XFORWARD attributes that could not be read were dropped")
	}
	s.ended.Done()
}

// hello is the EHLO reply: what Postfix's own smtpd can do. PIPELINING,
// CHUNKING, STARTTLS and AUTH are left out, because Postfix never uses them
// here, and each is a way to say something at the wrong time.
func (s *Server) hello(door *Door) []string {
	size := "SIZE"
	if s.MaxMessage > 0 || door.NextHop.Size() > 0 {
		size += " " + strconv.FormatInt(s.limit(door), 10)
	}
	return []string{
		s.Hostname, "XFORWARD " + wire.ForwardNames, size,
		"8BITMIME", "DSN", "SMTPUTF8", "ENHANCEDSTATUSCODES",
	}
}

// limit is the largest message that is taken, in bytes.
func (s *Server) limit(door *Door) int64 {
	if s.MaxMessage > 0 {
		return s.MaxMessage
	}
	if size := door.NextHop.Size(); size > 0 {
		return size
	}
	return unannounced
}

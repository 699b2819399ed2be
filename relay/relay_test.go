package relay

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"proxyfilter/filter"
	"proxyfilter/relay/relaytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// chain is a Server between a test, which plays Postfix, and a next hop.
type chain struct {
	t      *testing.T
	server *Server
	next   *NextHop
	hop    *relaytest.Hop
	front  *relaytest.Listener
	back   *relaytest.Listener
	atOnce int // bytes that one read of a client's gives at most; 0: all there are
	stop   context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	records []filter.Record
}

// judge answers every message alike.
type judge func(context.Context, filter.Message) filter.Verdict

func (j judge) Weigh(ctx context.Context, m filter.Message) filter.Verdict { return j(ctx, m) }

func accept(context.Context, filter.Message) filter.Verdict {
	return filter.Verdict{Action: filter.Accept, Would: filter.Accept, Reason: filter.Clean}
}

// newChain builds a chain, changes it and starts it. It ends with the test, and
// every conversation must have ended by then.
func newChain(t *testing.T, change func(*chain)) *chain {
	c := &chain{
		t: t, hop: &relaytest.Hop{}, front: relaytest.Listen(), back: relaytest.Listen(),
		ended: make(chan struct{}),
	}
	c.server = &Server{
		Hostname: "filter.test", Judge: func() Judge { return judge(accept) },
		MaxConnections: 100, IdleTimeout: 310 * time.Second, Drain: 100 * time.Second,
		Budget: Budget{Verdict: 45 * time.Second, Commit: 60 * time.Second, Reply: 95 * time.Second},
		Spool:  &Spool{Dir: t.TempDir(), Memory: 1 << 20, SpillAt: 64 << 10}, Log: zerolog.Nop(),
		Record: c.record,
	}
	c.next = &NextHop{
		Hostname: "filter.test", Dial: c.back.Dial, Connections: 3, Idle: 2, Log: zerolog.Nop(),
	}
	door := Door{Listener: c.front, NextHop: c.next}
	if change != nil {
		change(c)
	}
	if c.atOnce > 0 {
		door.Listener = shortReads{door.Listener, c.atOnce}
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.stop = cancel
	go c.hop.Serve(c.back)
	go func() {
		defer close(c.ended)
		c.server.Serve(ctx, door)
	}()
	return c
}

// end stops everything and waits.
func (c *chain) end() {
	c.stop()
	<-c.ended
	c.back.Close()
	c.hop.Close()
}

func (c *chain) record(r filter.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.records = append(c.records, r)
}

func (c *chain) recorded() []filter.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]filter.Record(nil), c.records...)
}

// shortReads are connections that give so many bytes at once, as packets do.
type shortReads struct {
	net.Listener
	most int
}

func (l shortReads) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return shortConn{conn, l.most}, err
}

type shortConn struct {
	net.Conn
	most int
}

func (c shortConn) Read(p []byte) (int, error) { return c.Conn.Read(p[:min(len(p), c.most)]) }

// dial connects as Postfix does, and reads the greeting.
func (c *chain) dial() *postfix {
	conn, err := c.front.Dial(context.Background())
	if err != nil {
		c.t.Fatal(err)
	}
	p := &postfix{t: c.t, conn: conn, r: bufio.NewReader(conn)}
	p.expect("220 ")
	return p
}

// postfix is the client's side of one conversation.
type postfix struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader

	heard string // the last reply
}

func (p *postfix) write(text string) {
	p.t.Helper()
	p.conn.SetWriteDeadline(time.Now().Add(time.Hour))
	if _, err := io.WriteString(p.conn, text); err != nil {
		p.t.Fatalf("write %.40q: %v", text, err)
	}
}

// reply reads one whole reply; "" is the end of the connection.
func (p *postfix) reply() string {
	p.t.Helper()
	var whole strings.Builder
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			return ""
		}
		whole.WriteString(line)
		if len(line) < 4 || line[3] != '-' {
			p.heard = whole.String()
			return p.heard
		}
	}
}

func (p *postfix) expect(prefix string) string {
	p.t.Helper()
	got := p.reply()
	if !strings.HasPrefix(got, prefix) || (prefix == "" && got != "") {
		p.t.Fatalf("got %q, want %q", got, prefix)
	}
	return got
}

func (p *postfix) say(line, prefix string) string {
	p.t.Helper()
	p.write(line + "\r\n")
	return p.expect(prefix)
}

// envelope goes up to 354.
func (p *postfix) envelope() {
	p.t.Helper()
	p.say("EHLO mx.test", "250")
	p.say("MAIL FROM:<a@example.net>", "250")
	p.say("RCPT TO:<b@example.org>", "250")
	p.say("DATA", "354")
}

func (p *postfix) close() { p.conn.Close() }

package relay

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"proxyfilter/filter"
	"proxyfilter/relay/relaytest"
)

// onTop is the field that every message gets which passes.
const onTop = "X-Spam-Status: No, as a test wants it\r\n"

// laboratory is a Server for fuzz targets. Everything that it might do wrong is
// noted in it.
type laboratory struct {
	t      *testing.T
	server *Server
	next   *NextHop
	front  *relaytest.Listener
	back   *relaytest.Listener

	action filter.Action // of every verdict
	thinks time.Duration // before it; more than the budget ends with the context
	stop   context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	records []filter.Record
	scanned []string // contents that the judge was shown
}

// scarce is the bit for little memory.
const scarce = uint16(1 << 2)

// newLaboratory makes one whose limits and habits are chosen by bits.
func newLaboratory(t *testing.T, how uint16) *laboratory {
	bit := func(n int) bool { return how>>n&1 == 1 }
	l := &laboratory{
		t: t, front: relaytest.Listen(), back: relaytest.Listen(), ended: make(chan struct{}),
		action: []filter.Action{filter.Accept, filter.Tag, filter.Accept, filter.Reject}[how&3],
	}
	spool := &Spool{Dir: os.TempDir(), Memory: 1 << 20, SpillAt: 64 << 10}
	if how&scarce != 0 {
		spool.Memory, spool.SpillAt = 250, 400
	}
	l.server = &Server{
		Hostname: "filter.test", Judge: func() Judge { return judge(l.weigh) }, Record: l.record,
		MaxConnections: 100, IdleTimeout: 310 * time.Second, Drain: 100 * time.Second,
		Budget: Budget{Verdict: 45 * time.Second, Commit: 60 * time.Second, Reply: 95 * time.Second},
		Spool:  spool, Log: zerolog.Nop(), AtMail: bit(3),
	}
	if bit(4) {
		l.server.MaxMessage = 2000
	}
	if bit(5) {
		l.server.Hygiene = Strict
	}
	if bit(6) {
		l.thinks = 10 * time.Second
	}
	if bit(6) && bit(7) {
		l.thinks = time.Hour
	}
	l.next = &NextHop{Hostname: "filter.test", Dial: l.back.Dial, Connections: 2, Idle: 2, Log: zerolog.Nop()}
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	go func() {
		defer close(l.ended)
		l.server.Serve(ctx, Door{Listener: l.front, NextHop: l.next})
	}()
	return l
}

// weigh is the judge. It holds the memory to its budget.
func (l *laboratory) weigh(ctx context.Context, m filter.Message) filter.Verdict {
	content, err := io.ReadAll(io.NewSectionReader(m.Content, 0, m.Content.Size()))
	if err != nil {
		l.t.Errorf("content of %d bytes: %v", m.Content.Size(), err)
	}
	l.budget()
	l.mu.Lock()
	l.scanned = append(l.scanned, string(content))
	l.mu.Unlock()
	if l.thinks > 0 {
		select {
		case <-time.After(l.thinks):
		case <-ctx.Done():
			return filter.Verdict{Action: filter.Defer, Would: filter.Defer, Reason: filter.Unscanned}
		}
	}
	fields := []filter.Field{{Name: "X-Spam-Status", Value: "No, as a test wants it"}}
	return filter.Verdict{Action: l.action, Would: l.action, Reason: filter.Clean, Fields: fields, Text: "no {id}"}
}

func (l *laboratory) budget() {
	if ram, _ := l.server.Spool.Used(); ram < 0 || ram > l.server.Spool.Memory {
		l.t.Errorf("%d bytes of messages in memory, which is limited to %d", ram, l.server.Spool.Memory)
	}
}

func (l *laboratory) record(r filter.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r)
}

// end stops everything. What still runs fails the bubble.
func (l *laboratory) end() {
	l.stop()
	<-l.ended
	l.back.Close()
	if ram, disk := l.server.Spool.Used(); ram != 0 || disk != 0 {
		l.t.Errorf("%d bytes in memory and %d in files are left", ram, disk)
	}
	if n := l.server.Conversations(); n != 0 {
		l.t.Errorf("%d conversations are left", n)
	}
}

// moment says when so many bytes had gone.
type moment struct {
	bytes int
	at    time.Time
}

// transcript is one conversation with the Server, byte for byte.
type transcript struct {
	sent, heard         string
	sendTimes, earTimes []moment
	over                chan struct{} // closed when nothing more can be heard
	mu                  sync.Mutex
}

// converse plays a client's steps, and hears all that is said to it.
func (l *laboratory) converse(steps []step) *transcript {
	conn, err := l.front.Dial(context.Background())
	if err != nil {
		l.t.Fatal(err)
	}
	talk := &transcript{over: make(chan struct{})}
	go talk.listen(conn)
	synctest.Wait()
	for _, s := range steps {
		before := talk.hears()
		if !strings.HasPrefix(before[1+strings.LastIndexByte(strings.TrimSuffix(before, "\n"), '\n'):], s.after) {
			continue
		}
		conn.SetWriteDeadline(time.Now().Add(time.Hour))
		n, _ := io.WriteString(conn, s.send) // who has hung up reads no more
		talk.sent += s.send[:n]
		talk.sendTimes = append(talk.sendTimes, moment{len(talk.sent), time.Now()})
		synctest.Wait()
		l.budget()
		if s.patient {
			talk.await(len(before))
		}
		time.Sleep(s.pause)
		switch c := conn.(*relaytest.Conn); s.end {
		case "half-close":
			c.CloseWrite()
		case "hangup":
			c.Close()
		case "reset":
			c.Reset()
		}
		synctest.Wait()
	}
	time.Sleep(10 * time.Minute) // every limit of the Server is shorter
	conn.Close()
	<-talk.over
	return talk
}

// listen hears until the end.
func (talk *transcript) listen(conn net.Conn) {
	defer close(talk.over)
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		talk.mu.Lock()
		talk.heard += string(buf[:n])
		talk.earTimes = append(talk.earTimes, moment{len(talk.heard), time.Now()})
		talk.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// hears is what was heard up to now.
func (talk *transcript) hears() string {
	talk.mu.Lock()
	defer talk.mu.Unlock()
	return talk.heard
}

// await waits for more than was heard before, up to the end of a reply.
func (talk *transcript) await(before int) {
	for range 1000 {
		synctest.Wait()
		if more := talk.hears()[before:]; more != "" && oneReply.MatchString(more) {
			return
		}
		select {
		case <-talk.over:
			return
		case <-time.After(time.Second):
		}
	}
}

// when is the time at which so many bytes had gone.
func when(moments []moment, bytes int) time.Time {
	for _, m := range moments {
		if m.bytes >= bytes {
			return m.at
		}
	}
	return time.Time{}
}

// reply is one reply as it was heard, and where it ended.
type heardReply struct {
	code  string
	text  string // all of its lines
	until int
}

// replies cuts what was heard into replies, and is strict about them: RFC 5321
// 4.2, and no 421 or 521, which make Postfix hang up on the remote client.
func (talk *transcript) replies() (all []heardReply, err error) {
	at, first := 0, 0
	for at < len(talk.heard) {
		line, length := cutLine(talk.heard[at:])
		if length == 0 || len(line) < 4 || line[:3] < "200" || line[:3] > "599" || line[3] != ' ' && line[3] != '-' {
			return all, fmt.Errorf("heard %.100q, which is no line of a reply", talk.heard[at:])
		}
		for _, c := range []byte(line) {
			if c < ' ' || c > '~' {
				return all, fmt.Errorf("heard %q", line)
			}
		}
		if code := line[:3]; code == "421" || code == "521" || code != talk.heard[first:first+3] {
			return all, fmt.Errorf("heard %q", talk.heard[first:])
		}
		if at += length; line[3] == ' ' {
			all = append(all, heardReply{line[:3], talk.heard[first:at], at})
			first = at
		}
	}
	if first != at {
		return all, fmt.Errorf("heard %q, and no end of it", talk.heard[first:])
	}
	return all, nil
}

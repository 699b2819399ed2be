//go:build integration

package integration

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/integration/rig"
)

// stream is mail that comes without end, from several clients side by side.
type stream struct {
	site *rig.Site
	stop context.CancelFunc
	runs sync.WaitGroup

	came  chan struct{} // one for each answer
	mu    sync.Mutex
	taken map[string]bool // by Message-ID
	wrong []string        // every answer that was not 250
}

func streaming(t *testing.T, s *rig.Site, clients int) *stream {
	ctx, stop := context.WithCancel(within(t))
	st := &stream{site: s, stop: stop, came: make(chan struct{}, 1), taken: map[string]bool{}}
	for way, front := range fronts(s) {
		for i := range clients {
			st.runs.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					id := fmt.Sprintf("<%d.%d.%s@example.org>", n, i, strings.ReplaceAll(way, " ", "-"))
					reply, err := deliverOne(within(t), front, message(id, "one of a stream\r\n"))
					st.note(id, reply, err)
				}
			})
		}
	}
	return st
}

// more waits for n answers from now on, so that each restart has mail around it.
func (st *stream) more(ctx context.Context, n int) error {
	for range n {
		select {
		case <-st.came:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (st *stream) note(id string, reply rig.Reply, err error) {
	select {
	case st.came <- struct{}{}:
	default:
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if err != nil || reply.Code != 250 {
		st.wrong = append(st.wrong, fmt.Sprintf("%s: %v %v", id, reply, err))
		return
	}
	st.taken[id] = true
}

// deliverOne is a whole conversation with the first Postfix.
func deliverOne(ctx context.Context, front string, content []byte) (rig.Reply, error) {
	return deliverFrom(ctx, rig.Stranger, front, content)
}

func deliverFrom(ctx context.Context, from, front string, content []byte) (rig.Reply, error) {
	c, err := rig.Dial(ctx, front, from)
	if err != nil {
		return rig.Reply{}, err
	}
	defer c.Close()
	for _, command := range append(visit{}.opening(), toAlice()...) {
		if reply, err := c.Say(command); err != nil || reply.Code != 250 {
			return reply, err
		}
	}
	reply, err := c.Data(content)
	if err == nil {
		_, err = c.Say("QUIT")
	}
	return reply, err
}

// greeted connects to the filter again and again, as Postfix does, and wants a
// greeting each time.
func (st *stream) greeted(ctx context.Context, address string) {
	for n := 0; ctx.Err() == nil; n++ {
		c, err := rig.Dial(ctx, address, "127.0.0.1")
		if err != nil {
			if ctx.Err() == nil {
				st.note(fmt.Sprintf("greeting %d", n), rig.Reply{}, err)
			}
			continue
		}
		c.Say("QUIT")
		c.Close()
	}
}

// end stops the stream and compares what was told with what arrived.
func (st *stream) end(t *testing.T) {
	t.Helper()
	st.stop()
	st.runs.Wait()
	for _, w := range st.wrong {
		t.Error(w)
	}
	if err := st.site.Postfix.Empty(within(t)); err != nil {
		t.Fatal(err)
	}
	mails, err := st.site.Postfix.Mailbox()
	if err != nil {
		t.Fatal(err)
	}
	copies := map[string]int{}
	for _, m := range mails {
		_, rest, _ := bytes.Cut(m.Raw, []byte("\nMessage-ID: "))
		id, _, _ := bytes.Cut(rest, []byte("\n"))
		copies[string(id)]++
	}
	for id := range st.taken {
		if copies[id] != 1 {
			t.Errorf("%s was taken, and arrived %d times", id, copies[id])
		}
	}
	t.Logf("%d messages", len(st.taken))
}

// slowSite is a site whose spamd takes its time for one message. scanning is closed
// when it has it.
func slowSite(t *testing.T) (s *rig.Site, scanning <-chan struct{}) {
	t.Helper()
	has := make(chan struct{})
	spamd := &spamdtest.Server{Forget: true, Choose: func(r spamdtest.Request) spamdtest.Reply {
		if bytes.Contains(r.Body, []byte("take your time")) {
			close(has)
			return spamdtest.Reply{Delay: 20 * time.Second}
		}
		return spamdtest.Reply{}
	}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	spamd.Start(ln)
	t.Cleanup(spamd.Close)
	return alone(t, rig.Options{SpamdAddress: ln.Addr().String()}), has
}

func TestTwentyRestartsUnderAStreamOfMail(t *testing.T) {
	s, scanning := slowSite(t)
	slow := make(chan error, 1)
	slowID := uniqueID(t)
	go func() {
		reply, err := deliverOne(within(t), s.Postfix.Front, message(slowID, "take your time\r\n"))
		if err == nil && reply.Code != 250 {
			err = fmt.Errorf("reply is %v", reply)
		}
		slow <- err
	}()
	<-scanning
	st := streaming(t, s, 2)
	probing, stop := context.WithCancel(within(t))
	st.runs.Go(func() { st.greeted(probing, s.Filter.Address) })

	var old []*rig.Daemon
	for range 20 {
		err := st.more(within(t), 10)
		if err != nil {
			t.Error(err)
			break
		}
		d, err := s.Filter.TakeOver(within(t))
		if err != nil {
			t.Error(err)
			break
		}
		t.Cleanup(func() { d.Stop() })
		old = append(old, d)
	}
	stop()
	st.end(t)
	if err := <-slow; err != nil {
		t.Errorf("the scan under way: %v", err)
	}
	for i, d := range old {
		if err := d.Wait(within(t)); err != nil {
			t.Errorf("process %d: %v\n%s", i, err, d.Log.Tail(10))
		}
		if lines := d.Log.All(0, `abort|cut off| error:`); len(lines) > 0 {
			t.Errorf("process %d: %q", i, lines)
		}
	}
	if n := queued(t, s, slowID); n != 1 {
		t.Errorf("the message under way was queued %d times", n)
	}
}

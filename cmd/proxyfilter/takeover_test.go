package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"proxyfilter/filter/spamd/spamdtest"
)

// openLocal is a site with a UNIX socket besides, and with all its pages.
func openLocal(t *testing.T, spamd *spamdtest.Server) *site {
	t.Helper()
	return openWith(t, spamd, fmt.Sprintf("[listeners.local]\nlisten = [\"unix:%s/smtp\"]\n[metrics]\nlisten = \"127.0.0.1:0\"\n", shortDir(t)))
}

// holding is a spamd that says when it has a message with the word in it, and answers
// for it when goOn is closed.
func holding(word string) (spamd *spamdtest.Server, scanning, goOn chan struct{}) {
	scanning, goOn = make(chan struct{}), make(chan struct{})
	return &spamdtest.Server{Choose: func(r spamdtest.Request) spamdtest.Reply {
		if strings.Contains(string(r.Body), word) {
			close(scanning)
			<-goOn
		}
		return spamdtest.Reply{}
	}}, scanning, goOn
}

// conversation is one that has heard its greeting.
func (s *site) conversation(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.smtp)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if greeting, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(greeting, "220 ") {
		t.Fatalf("%q, %v", greeting, err)
	}
	return conn
}

// after is the site of the process that comes after this one.
func (s *site) after() *site {
	n := newSite(s.runtime)
	n.hop, n.file = s.hop, s.file
	return n
}

// next starts a process that takes the place of this one.
func (s *site) next(t *testing.T) *site {
	t.Helper()
	n := s.after()
	n.start(t, program{named: true, takeover: true})
	return n
}

// ended waits for the end of a process that nobody has told to stop.
func (s *site) ended(t *testing.T) {
	t.Helper()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
	s.done = nil
}

// stream sends messages one after the other until the end of ctx. Each must be
// taken.
func (s *site) stream(ctx context.Context, t *testing.T, sent *atomic.Int64) {
	for ctx.Err() == nil {
		if err := s.send("one of a stream"); err != nil {
			t.Errorf("after %d messages: %v", sent.Load(), err)
			return
		}
		sent.Add(1)
	}
}

// greetings connects again and again, and wants a greeting each time.
func greetings(ctx context.Context, t *testing.T, network, addr string, count *atomic.Int64) {
	for ctx.Err() == nil {
		conn, err := net.Dial(network, addr)
		if err != nil {
			t.Error(err)
			return
		}
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "220 ") {
			t.Errorf("after %d greetings: %q, %v", count.Load(), line, err)
		}
		fmt.Fprint(conn, "QUIT\r\n")
		conn.Close()
		count.Add(1)
	}
}

func TestTwentyTakeoversLoseNothing(t *testing.T) {
	spamd, scanning, goOn := holding("slow")
	s := openLocal(t, spamd)
	local := s.doors[1].Listener.Addr().String()
	slow := make(chan error, 1)
	first := s
	go func() { slow <- first.send("slow") }()
	<-scanning

	ctx, stop := context.WithCancel(t.Context())
	var messages, greeted atomic.Int64
	var streams sync.WaitGroup
	for range 4 {
		streams.Go(func() { first.stream(ctx, t, &messages) })
	}
	streams.Go(func() { greetings(ctx, t, "tcp", first.smtp, &greeted) })
	streams.Go(func() { greetings(ctx, t, "unix", local, &greeted) })
	var old []*site
	for range 20 {
		next := s.next(t)
		s.log.await(t, "handed over")
		old = append(old, s)
		s = next
	}
	stop()
	streams.Wait()
	close(goOn)
	if err := <-slow; err != nil {
		t.Error("the scan under way:", err)
	}
	for _, o := range old {
		o.ended(t)
	}
	s.stop(t)
	if _, err := os.Stat(local); err == nil {
		t.Error("the last process has left its UNIX socket behind")
	}
	delivered := int64(len(s.hop.Report().Delivered()))
	if want := messages.Load() + 1; delivered != want || messages.Load() < 20 || greeted.Load() < 20 {
		t.Errorf("%d messages and one slow one were taken, %d delivered; %d greetings", messages.Load(), delivered, greeted.Load())
	}
}

func TestPagesAreThoseOfTheNextProcess(t *testing.T) {
	s := openLocal(t, &spamdtest.Server{})
	conn := s.conversation(t) // keeps the old process
	next := s.next(t)
	s.log.await(t, "handed over: ", "conversations=1")
	if s.status != next.status || s.pages.metrics.Addr().String() != next.pages.metrics.Addr().String() {
		t.Error("they have moved")
	}
	for range 20 {
		if answer, err := ask(t.Context(), address{}, "http://"+s.status+"/readyz"); err != nil {
			t.Fatal(answer, err)
		}
	}
	if next.log.await(t, "taken over: pid="); strings.Contains(next.text(), "has ended") {
		t.Error("it has not")
	}
	conn.Close()
	next.log.await(t, "the process before this one has ended")
	s.ended(t)
}

// text is the log so far.
func (s *site) text() string {
	text, _ := s.log.read()
	return text
}

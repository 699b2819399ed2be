package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"proxyfilter/filter/spamd/spamdtest"
)

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

// traffic is mail and greetings without end.
type traffic struct {
	sent, greeted atomic.Int64
	stop          context.CancelFunc
	streams       sync.WaitGroup
}

// traffic comes in four streams of messages, and one of greetings at the port and at
// each path.
func (s *site) traffic(t *testing.T, paths ...string) *traffic {
	ctx, stop := context.WithCancel(t.Context())
	c := &traffic{stop: stop}
	for range 4 {
		c.streams.Go(func() { c.stream(ctx, t, s) })
	}
	c.streams.Go(func() { c.greet(ctx, t, "tcp", s.smtp) })
	for _, path := range paths {
		c.streams.Go(func() { c.greet(ctx, t, "unix", path) })
	}
	return c
}

func (c *traffic) end() {
	c.stop()
	c.streams.Wait()
}

// stream sends messages one after the other. Each must be taken.
func (c *traffic) stream(ctx context.Context, t *testing.T, s *site) {
	for ctx.Err() == nil {
		if err := s.send("one of a stream"); err != nil {
			t.Errorf("after %d messages: %v", c.sent.Load(), err)
			return
		}
		c.sent.Add(1)
	}
}

// greet connects again and again, and wants a greeting each time.
func (c *traffic) greet(ctx context.Context, t *testing.T, network, addr string) {
	for ctx.Err() == nil {
		conn, err := net.Dial(network, addr)
		if err != nil {
			t.Error(err)
			return
		}
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "220 ") {
			t.Errorf("after %d greetings: %q, %v", c.greeted.Load(), line, err)
		}
		fmt.Fprint(conn, "QUIT\r\n")
		conn.Close()
		c.greeted.Add(1)
	}
}

package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// sinkBuffer holds a flight, and a message of 4 KB, in one read.
const sinkBuffer = 16 << 10

// silence is how long the sink and the stand-in for spamd wait for a peer.
const silence = 5 * time.Minute

// sink is a next hop that keeps count. Each connection has one goroutine, and
// each read is answered with at most one write.
type sink struct {
	ledger ledger
	ids    atomic.Uint64
}

// runSink serves until its standard input ends, which is also where it is
// asked: "begin RUN MESSAGES" and "read", one line each, answered in JSON.
func runSink(ctx context.Context, args []string, con console) error {
	flags := flag.NewFlagSet("sink", flag.ContinueOnError)
	flags.SetOutput(con.err)
	listen := flags.String("listen", "127.0.0.1:0", "address of the SMTP server")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s := &sink{}
	return serve(ctx, *listen, con, s.talk, func(line string) (any, error) {
		if line == "read" {
			return s.ledger.read(), nil
		}
		var run uint32
		var messages int
		if _, err := fmt.Sscanf(line, "begin %x %d", &run, &messages); err != nil {
			return nil, fmt.Errorf("cannot read %q: want begin RUN MESSAGES, or read", line)
		}
		s.ledger.begin(run, messages)
		return s.ledger.read(), nil
	})
}

// talk serves one connection to its end.
func (s *sink) talk(conn net.Conn) {
	defer conn.Close()
	s.ledger.connected()
	c := conversation{keep: s.keep, in: make([]byte, 0, sinkBuffer)}
	_ = conn.SetDeadline(time.Now().Add(silence)) // once: a deadline per read would cost more than the read
	if _, err := conn.Write([]byte(greeting)); err != nil {
		return
	}
	for !c.ended {
		if len(c.in) == cap(c.in) {
			c.in = append(c.in, make([]byte, cap(c.in))...)[:len(c.in)]
		}
		n, err := conn.Read(c.in[len(c.in):cap(c.in)])
		if err != nil {
			return // also in the middle of content: a message cut short is none
		}
		c.in = c.in[:len(c.in)+n]
		if out := c.advance(); len(out) > 0 {
			if _, err := conn.Write(out); err != nil {
				return
			}
		}
	}
}

// keep enters a message and names it as Postfix names a queue file.
func (s *sink) keep(content []byte) string {
	s.ledger.enter(content)
	return fmt.Sprintf("%010X", s.ids.Add(1))
}

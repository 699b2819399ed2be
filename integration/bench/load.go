package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// load is one run of the generator.
type load struct {
	addr     string
	run      uint32
	sessions int
	messages int
	size     int
	together bool
	timeout  time.Duration
}

// result is what the generator saw. Times are in milliseconds, from before the
// connect to the reply to the end of data.
type result struct {
	Messages int
	Accepted int            // answered with 2xx
	Answered int            // answered at all
	Outcomes map[string]int // by class of reply, or by what broke off
	Seconds  float64
	P50, P99 float64
	Max      float64
}

// rate is accepted messages a second.
func (r result) rate() float64 { return float64(r.Accepted) / r.Seconds }

// runLoad sends messages and prints a result in JSON.
func runLoad(ctx context.Context, args []string, con console) error {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.SetOutput(con.err)
	var l load
	flags.StringVar(&l.addr, "addr", "", "where to send to")
	run := flags.Uint("run", 1, "number of the run, in every Message-ID")
	flags.IntVar(&l.sessions, "sessions", 10, "conversations at once")
	flags.IntVar(&l.messages, "messages", 1000, "messages altogether, one per connection")
	flags.IntVar(&l.size, "size", 4096, "bytes of a message, at least 1024")
	flags.BoolVar(&l.together, "together", false, "one message per session, all held back at the final dot until every session is there")
	flags.DurationVar(&l.timeout, "timeout", 2*time.Minute, "for one message")
	if err := flags.Parse(args); err != nil {
		return err
	}
	l.run = uint32(*run)
	if l.addr == "" || l.sessions < 1 || l.size < 1024 {
		return errors.New("needs -addr, at least one session, and messages of 1024 bytes or more")
	}
	return json.NewEncoder(con.out).Encode(l.do(ctx))
}

// parcel is the outcome of one message.
type parcel struct {
	outcome string
	took    time.Duration
}

// do runs the workers and sums up.
func (l load) do(ctx context.Context) result {
	if l.together {
		l.messages = l.sessions
	}
	parcels := make([]parcel, l.messages)
	var next atomic.Int64
	var workers sync.WaitGroup
	gate := newGate(l.sessions)
	start := time.Now()
	for range l.sessions {
		workers.Go(func() { l.work(ctx, &next, parcels, gate) })
	}
	workers.Wait()
	return sum(parcels, time.Since(start))
}

// work sends messages until none is left.
func (l load) work(ctx context.Context, next *atomic.Int64, parcels []parcel, gate *gate) {
	c := client{addr: l.addr, timeout: l.timeout}
	letter := newLetter(l.run, l.size)
	for n := next.Add(1) - 1; n < int64(len(parcels)) && ctx.Err() == nil; n = next.Add(1) - 1 {
		if l.together {
			arrive := sync.OnceFunc(gate.arrive)
			c.ready = func() { arrive(); gate.wait(ctx) }
			defer arrive() // a session that broke off must not hold the others
		}
		letter.number(uint32(n))
		code, took, err := c.send(ctx, letter.wire)
		parcels[n] = parcel{outcome(code, err), took}
	}
}

// outcome names what happened in a word or two.
func outcome(code int, err error) string {
	var broken *net.OpError
	switch {
	case errors.As(err, &broken) && errors.Is(err, os.ErrDeadlineExceeded):
		return "timed out"
	case err != nil:
		return err.Error()
	}
	return fmt.Sprintf("%dxx", code/100)
}

// sum makes a result. A message that was never begun has no outcome.
func sum(parcels []parcel, took time.Duration) result {
	r := result{Messages: len(parcels), Outcomes: map[string]int{}, Seconds: took.Seconds()}
	var times []float64
	for _, p := range parcels {
		if p.outcome == "" {
			p.outcome = "not sent"
		}
		r.Outcomes[p.outcome]++
		switch p.outcome {
		case "2xx":
			r.Accepted++
			fallthrough
		case "4xx", "5xx":
			r.Answered++
			times = append(times, float64(p.took)/float64(time.Millisecond))
		}
	}
	slices.Sort(times)
	r.P50, r.P99, r.Max = percentile(times, 0.5), percentile(times, 0.99), percentile(times, 1)
	return r
}

// gate opens when everybody has arrived.
type gate struct {
	missing atomic.Int64
	open    chan struct{}
}

func newGate(n int) *gate {
	g := &gate{open: make(chan struct{})}
	g.missing.Store(int64(n))
	return g
}

func (g *gate) arrive() {
	if g.missing.Add(-1) == 0 {
		close(g.open)
	}
}

func (g *gate) wait(ctx context.Context) {
	select {
	case <-g.open:
	case <-ctx.Done():
	}
}

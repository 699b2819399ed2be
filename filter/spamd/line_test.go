package spamd_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
	"proxyfilter/filter/spamd/spamdtest"
)

// bench is a spamd in memory and its Scanner, within a synctest bubble.
type bench struct {
	*spamd.Scanner
	fake   *spamdtest.Server
	memory *spamdtest.Memory
}

func inMemory(t *testing.T, fake *spamdtest.Server, c spamd.Config) bench {
	t.Helper()
	b := bench{fake: fake, memory: spamdtest.NewMemory()}
	fake.Start(b.memory)
	c.Dial = b.memory.Dial
	if c.Servers == nil {
		c.Servers = []spamd.Server{{Network: "tcp", Address: "one:783", Slots: 4}}
	}
	b.Scanner = spamd.New(c)
	t.Cleanup(func() { fake.Close(); b.Close() })
	return b
}

// outcome of one of many scans.
type outcome struct {
	finding filter.Finding
	err     error
	took    time.Duration
}

// together scans so many messages at once, each with its own time from now.
func (b bench) together(n int, budget time.Duration) []outcome {
	all := make([]outcome, n)
	var wait sync.WaitGroup
	for i := range all {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), budget)
			defer cancel()
			begin := time.Now()
			f, err := b.Scan(ctx, message(text))
			all[i] = outcome{f, err, time.Since(begin)}
		})
	}
	wait.Wait()
	return all
}

func count(all []outcome, cause filter.Cause) int {
	n := 0
	for _, o := range all {
		var failure *filter.Failure
		if errors.As(o.err, &failure) && failure.Cause == cause || o.err == nil && cause == "" {
			n++
		}
	}
	return n
}

// gauge counts how many are somewhere at once.
type gauge struct {
	mu        sync.Mutex
	now, most int
}

func (g *gauge) enter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now++
	g.most = max(g.most, g.now)
}

func (g *gauge) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now--
}

func (g *gauge) peak() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.most
}

func TestNoMoreThanItsSlotsAreAskedOfAServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked gauge
		fake := &spamdtest.Server{Choose: func(spamdtest.Request) spamdtest.Reply {
			asked.enter()
			time.Sleep(time.Second)
			asked.leave()
			return spamdtest.Reply{}
		}}
		b := inMemory(t, fake, spamd.Config{})
		all := b.together(40, time.Minute)
		if n := count(all, ""); n != 40 || asked.peak() != 4 {
			t.Errorf("%d of 40 scanned, %d at once", n, asked.peak())
		}
		for i, o := range all {
			if o.took-o.finding.Waited != time.Second {
				t.Errorf("message %d: took %v, waited %v", i, o.took, o.finding.Waited)
			}
		}
	})
}

func TestFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Delay: time.Second}},
			spamd.Config{Servers: []spamd.Server{{Slots: 1}}})
		var wait sync.WaitGroup
		for i := range 10 {
			m := message(fmt.Sprintf("Subject: %d\r\n\r\n", i))
			wait.Go(func() { _, _ = b.Scan(context.Background(), m) })
			synctest.Wait()
		}
		wait.Wait()
		for i, r := range b.fake.Requests() {
			if want := fmt.Sprintf("Subject: %d\r\n\r\n", i); string(r.Body) != want {
				t.Errorf("message %d was %q", i, r.Body)
			}
		}
	})
}

func TestWaitingEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Hang: spamdtest.AtReply}}, spamd.Config{Wait: 20 * time.Second})
		all := b.together(10, 45*time.Second)
		if count(all, filter.CauseTimeout) != 4 || count(all, filter.CauseBusy) != 6 {
			t.Errorf("%d late and %d busy", count(all, filter.CauseTimeout), count(all, filter.CauseBusy))
		}
		for _, o := range all {
			want := 20 * time.Second
			if count([]outcome{o}, filter.CauseTimeout) == 1 {
				want = 45 * time.Second
			}
			if o.took != want {
				t.Errorf("answered after %v, want %v", o.took, want)
			}
		}
	})
}

func TestWaitingCountsFromTheEndOfData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Hang: spamdtest.AtReply}},
			spamd.Config{Wait: 20 * time.Second, Servers: []spamd.Server{{Slots: 1}}})
		go func() { _, _ = b.Scan(within(t, time.Hour), message(text)) }()
		synctest.Wait()
		m := message(text)
		m.Received = m.Received.Add(-15 * time.Second)
		begin := time.Now()
		_, err := b.Scan(t.Context(), m)
		wantFailure(t, err, filter.CauseBusy)
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("waited %v", took)
		}
		b.Close()
	})
}

// A pace of 4 scans a second and 20.5 s to wait make 82 places behind the 4 that
// are served at once.
func TestAHopelessWaitIsAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Delay: time.Second}}, spamd.Config{Wait: 20500 * time.Millisecond})
		b.together(16, time.Minute) // now the pace is known
		all := b.together(200, 45*time.Second)
		scanned, busy := count(all, ""), count(all, filter.CauseBusy)
		if scanned < 84 || scanned+busy != 200 {
			t.Errorf("%d scanned, %d busy", scanned, busy)
		}
		if n := waitedInVain(all, 0); n > 2 { // they are the last two of the 82
			t.Errorf("%d hopeless messages waited", n)
		}
	})
}

func TestWhoWaitsIsSentAwayOnceThePaceIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Delay: time.Second}}, spamd.Config{Wait: 20 * time.Second})
		all := b.together(200, 45*time.Second)
		if n := count(all, ""); n < 80 || n > 88 {
			t.Errorf("%d scanned, want what fits into 20 s", n)
		}
		if n := waitedInVain(all, 3*time.Second); n > 8 { // two rounds of all slots: the pace is an average
			t.Errorf("%d hopeless messages waited", n)
		}
	})
}

// The pace is 18 s for a scan, and the wait 20 s: of the 4 that wait for the 4
// scans, nobody is to be sent away when the first of these ends.
func TestWhoIsOfTheNextRoundIsNotSentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Delay: 18 * time.Second}}, spamd.Config{Wait: 20 * time.Second})
		for range 3 {
			b.together(4, 45*time.Second) // now the pace is known
		}
		for i, o := range b.together(8, 45*time.Second) {
			if o.err != nil {
				t.Errorf("message %d after %v: %v", i, o.took, o.err)
			}
		}
	})
}

func waitedInVain(all []outcome, longer time.Duration) int {
	n := 0
	for _, o := range all {
		if o.err != nil && o.took > longer {
			n++
		}
	}
	return n
}

func TestLargeMailHasHalfOfTheSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked gauge
		fake := &spamdtest.Server{Forget: true, Choose: func(r spamdtest.Request) spamdtest.Reply {
			if len(r.Body) < 1000 {
				time.Sleep(time.Second)
				return spamdtest.Reply{}
			}
			asked.enter()
			time.Sleep(10 * time.Second)
			asked.leave()
			return spamdtest.Reply{}
		}}
		b := inMemory(t, fake, spamd.Config{})
		big := text + strings.Repeat("x\r\n", 100<<10)
		var wait sync.WaitGroup
		for range 6 {
			wait.Go(func() { _, _ = b.Scan(within(t, time.Hour), message(big)) })
		}
		synctest.Wait()
		if st := b.Status(); st.Servers[0].Busy != 2 || st.WaitingBig != 4 {
			t.Errorf("status %+v", st)
		}
		for _, o := range b.together(2, time.Hour) {
			if o.err != nil || o.finding.Waited != 0 {
				t.Errorf("small mail waited %v for large (%v)", o.finding.Waited, o.err)
			}
		}
		wait.Wait()
		if asked.peak() != 2 {
			t.Errorf("%d large messages at once", asked.peak())
		}
	})
}

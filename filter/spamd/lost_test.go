package spamd_test

import (
	"context"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
	"proxyfilter/filter/spamd/spamdtest"
)

func TestAScanThatNobodyWaitsForKeepsItsSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Delay: time.Minute}},
			spamd.Config{Servers: []spamd.Server{{Slots: 1}}})
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		c := &onceOver{Content: message(text).Content}
		m := message(text)
		m.Content = c
		_, err := b.Scan(ctx, m)
		c.over.Store(true)
		wantFailure(t, err, filter.CauseTimeout)
		if st := b.Status().Servers[0]; st.Busy != 1 || st.Lost != 1 {
			t.Errorf("the slot is free although the child is not: %+v", st)
		}
		begin := time.Now()
		f, err := b.Scan(within(t, time.Hour), message(text))
		if err != nil || f.Waited != 50*time.Second {
			t.Errorf("the next one waited %v (%v), want the rest of the minute", f.Waited, err)
		}
		if st := b.Status().Servers[0]; st.Busy != 0 || st.Lost != 0 || st.Breaker != "closed" {
			t.Errorf("after %v: %+v", time.Since(begin), st)
		}
		if c.misused.Load() {
			t.Error("the content was read when the conversation was over")
		}
	})
}

// onceOver is a Content that notices when it is read too late.
type onceOver struct {
	filter.Content
	over, misused atomic.Bool
}

func (c *onceOver) ReadAt(p []byte, off int64) (int, error) {
	if c.over.Load() {
		c.misused.Store(true)
		return 0, io.ErrClosedPipe
	}
	return c.Content.ReadAt(p, off)
}

func TestTheChildsTimeEndsAScanThatNobodyWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Hang: spamdtest.AtReply}},
			spamd.Config{Servers: []spamd.Server{{Slots: 10}}}) // enough to open a breaker
		_ = b.together(10, 45*time.Second)
		time.Sleep(330*time.Second - 45*time.Second - time.Nanosecond)
		if st := b.Status().Servers[0]; st.Lost != 10 {
			t.Errorf("before its time is over: %+v", st)
		}
		time.Sleep(time.Second)
		if st := b.Status().Servers[0]; st.Busy != 0 || st.Breaker != "closed" {
			t.Errorf("behind: %+v", st)
		}
	})
}

func TestAMessageThatIsNotHandedOverGivesItsSlotBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Hang: spamdtest.AtHeader}}, spamd.Config{})
		_, err := b.Scan(within(t, time.Second), message(text+strings.Repeat("x\r\n", 1<<20)))
		wantFailure(t, err, filter.CauseTimeout)
		if st := b.Status().Servers[0]; st.Busy != 0 {
			t.Errorf("status %+v", st)
		}
	})
}

func TestWhoHangsUpIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Hang: spamdtest.AtReply}},
			spamd.Config{Servers: []spamd.Server{{Slots: 1}}})
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error)
		for range 2 {
			go func() { _, err := b.Scan(ctx, message(text)); errs <- err }()
		}
		synctest.Wait()
		cancel()
		wantFailure(t, <-errs, filter.CauseGone)
		wantFailure(t, <-errs, filter.CauseGone)
		if st := b.Status(); st.Waiting != 0 || st.Servers[0].Busy != 1 {
			t.Errorf("status %+v", st)
		}
	})
}

func TestWithEveryChildLostNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Hang: spamdtest.AtReply}}, spamd.Config{Wait: 20 * time.Second})
		_ = b.together(4, 45*time.Second)
		for _, o := range b.together(3, 45*time.Second) {
			if count([]outcome{o}, filter.CauseBusy) != 1 || o.took != 0 {
				t.Errorf("%v after %v", o.err, o.took)
			}
		}
	})
}

// A restarted Postfix hangs up on everything at once, and its clients come again.
func TestScansWhoseClientsHungUpAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Delay: 2 * time.Second}}, spamd.Config{Wait: 20 * time.Second})
		_ = b.together(8, time.Minute) // until the pace is believed
		ctx, hangUp := context.WithCancel(t.Context())
		var gone sync.WaitGroup
		for range 4 {
			gone.Go(func() { _, _ = b.Scan(ctx, message(text)) })
		}
		synctest.Wait()
		hangUp()
		gone.Wait()
		for _, o := range b.together(4, 45*time.Second) {
			if o.err != nil || o.took != 4*time.Second {
				t.Errorf("%v after %v, want an answer after the scan in the way and its own", o.err, o.took)
			}
		}
	})
}

func TestWaitingIsCheap(t *testing.T) {
	const n = 2000
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Hang: spamdtest.AtReply}},
			spamd.Config{Wait: time.Hour, Servers: []spamd.Server{{Slots: 1}}})
		ctx, cancel := context.WithCancel(t.Context())
		m := message(text)
		stay := make(chan struct{})
		var asleep, waiting runtime.MemStats
		var wait sync.WaitGroup
		begin := make(chan struct{})
		for range n {
			wait.Go(func() {
				<-begin
				_, _ = b.Scan(ctx, m)
				<-stay
			})
		}
		synctest.Wait()
		goroutines := runtime.NumGoroutine()
		runtime.GC()
		runtime.ReadMemStats(&asleep)
		close(begin)
		synctest.Wait()
		runtime.GC()
		runtime.ReadMemStats(&waiting)
		if b.Status().Waiting != n-1 {
			t.Errorf("%d wait", b.Status().Waiting)
		}
		each := (int64(waiting.HeapAlloc) - int64(asleep.HeapAlloc)) / n
		t.Logf("%d bytes of heap and %d of stack for each waiting message", each, (int64(waiting.StackInuse)-int64(asleep.StackInuse))/n)
		if each > 1024 {
			t.Errorf("%d bytes for each waiting message", each)
		}
		// The one that is being scanned needs a child of the fake.
		if more := runtime.NumGoroutine() - goroutines; more > 5 {
			t.Errorf("%d goroutines more", more)
		}
		cancel()
		close(stay)
		wait.Wait()
	})
}

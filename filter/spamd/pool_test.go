package spamd_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
	"proxyfilter/filter/spamd/spamdtest"
)

// heir takes over from b with so many slots at the same address.
func (b bench) heir(t *testing.T, slots int) bench {
	t.Helper()
	after := bench{fake: b.fake, memory: b.memory, Scanner: spamd.New(spamd.Config{
		Servers: []spamd.Server{{Network: "tcp", Address: "one:783", Slots: slots}},
		Dial:    b.memory.Dial, Wait: 20 * time.Second, Inherit: b.Scanner,
	})}
	t.Cleanup(after.Close)
	return after
}

func TestAReloadAsksForNoMoreThanTheSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked gauge
		before := inMemory(t, &spamdtest.Server{Choose: func(spamdtest.Request) spamdtest.Reply {
			asked.enter()
			time.Sleep(5 * time.Second)
			asked.leave()
			return spamdtest.Reply{}
		}}, spamd.Config{})
		var wait sync.WaitGroup
		wait.Go(func() {
			if n := count(before.together(6, time.Minute), ""); n != 6 {
				t.Errorf("%d of the old 6 scanned", n)
			}
		})
		synctest.Wait()
		after := before.heir(t, 4)
		before.Close()
		for _, o := range after.together(2, time.Minute) { // behind the 2 that wait
			if o.err != nil || o.finding.Waited != 5*time.Second {
				t.Errorf("waited %v (%v)", o.finding.Waited, o.err)
			}
		}
		wait.Wait()
		if asked.peak() != 4 {
			t.Errorf("%d at once", asked.peak())
		}
	})
}

func TestAnHeirKeepsTheSlotsOfScansThatNobodyWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Delay: time.Minute}}, spamd.Config{})
		_ = before.together(4, time.Second)
		after := before.heir(t, 4)
		before.Close()
		if st := after.Status().Servers[0]; st.Busy != 4 || st.Lost != 4 {
			t.Errorf("status %+v", st)
		}
		time.Sleep(time.Minute)
		if st := after.Status().Servers[0]; st.Busy != 0 {
			t.Errorf("after their time: %+v", st)
		}
		_ = after.together(4, time.Second)
		begin := time.Now()
		after.Close()
		if st := after.Status().Servers[0]; st.Busy != 0 || time.Since(begin) != 0 {
			t.Errorf("closed after %v: %+v", time.Since(begin), st)
		}
		if fresh := after.heir(t, 4); count(fresh.together(4, 2*time.Minute), "") != 4 {
			t.Error("who inherits from a closed one does not work")
		}
	})
}

func TestFewerSlotsHoldForTheHeir(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Delay: time.Second}}, spamd.Config{})
		var wait sync.WaitGroup
		wait.Go(func() { before.together(4, time.Minute) })
		synctest.Wait()
		after := before.heir(t, 1)
		if st := after.Status().Servers[0]; st.Slots != 1 || st.Busy != 4 || st.Free() != 0 {
			t.Errorf("status %+v, %d free", st, st.Free())
		}
		var longest time.Duration
		for _, o := range after.together(3, time.Minute) {
			longest = max(longest, o.took)
		}
		if longest != 4*time.Second {
			t.Errorf("3 more took %v", longest)
		}
		wait.Wait()
	})
}

func TestWhoWaitsWhileAServerIsReplacedGetsTheNewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Hang: spamdtest.AtReply}}, spamd.Config{})
		_ = b.together(4, time.Second)
		got := make(chan filter.Finding)
		go func() {
			f, err := b.Scan(within(t, time.Minute), message(text))
			if err != nil {
				t.Error(err)
			}
			got <- f
		}()
		synctest.Wait()
		b.fake.Become(spamdtest.Reply{})
		after := spamd.New(spamd.Config{Servers: []spamd.Server{{Address: "two", Slots: 1}}, Dial: b.memory.Dial, Inherit: b.Scanner})
		if f := <-got; f.Server != "two" {
			t.Errorf("finding %+v", f)
		}
		b.Close()
		after.Close()
	})
}

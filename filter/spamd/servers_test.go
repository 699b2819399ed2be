package spamd_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
	"proxyfilter/filter/spamd/spamdtest"
)

func TestMailIsSpreadOverTheServers(t *testing.T) {
	tests := []struct {
		name    string
		balance spamd.Balance
		a, b    int
	}{
		{"least busy by its share of slots", spamd.LeastBusy, 4, 2},
		{"the first as long as it is free", spamd.First, 6, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Delay: time.Second}}, spamd.Config{
					Balance: tt.balance, Servers: []spamd.Server{{Address: "a", Slots: 6}, {Address: "b", Slots: 3}},
				})
				n := map[string]int{}
				for _, o := range b.together(6, time.Minute) {
					n[o.finding.Server]++
				}
				if n["a"] != tt.a || n["b"] != tt.b {
					t.Errorf("spread %v", n)
				}
			})
		})
	}
}

// The breaker is open: its slots are no slots, neither for the next message nor
// for the wait.
func TestWhileAnotherServerWorksMailWaitsForItAndNotForOneThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up, down := spamdtest.NewMemory(), spamdtest.NewMemory()
		down.Refuse(true)
		fake := &spamdtest.Server{Reply: spamdtest.Reply{Delay: time.Second}}
		fake.Start(up)
		fake.Start(down)
		b := bench{Scanner: spamd.New(spamd.Config{
			Servers: []spamd.Server{{Address: "down", Slots: 100}, {Address: "up", Slots: 1}},
			Dial:    dialByName(map[string]*spamdtest.Memory{"up": up, "down": down}),
			Wait:    20500 * time.Millisecond,
		})}
		defer fake.Close()
		for range 16 {
			if n := b.together(1, time.Minute); n[0].err != nil {
				t.Error(n[0].err)
			}
		}
		asked := down.Dialled()
		time.Sleep(4 * time.Second)
		all := b.together(4, time.Minute)
		for _, o := range all {
			if o.err != nil || o.finding.Server != "up" {
				t.Errorf("%+v, %v", o.finding, o.err)
			}
		}
		for _, o := range b.together(30, time.Minute) {
			if o.err != nil && o.took > 0 && o.took < 20*time.Second {
				t.Errorf("%v after %v", o.err, o.took)
			}
		}
		if n := down.Dialled() - asked; n > 10 {
			t.Errorf("the server that is down was asked %d times", n)
		}
	})
}

// A message that meets the server that is away is not lost to the outage, which
// may be over at the other one.
func TestAnOutageIsFinalOnlyOnceEveryServerWasTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up, down := spamdtest.NewMemory(), spamdtest.NewMemory()
		up.Refuse(true)
		down.Refuse(true)
		fake := &spamdtest.Server{}
		fake.Start(up)
		fake.Start(down)
		defer fake.Close()
		s := spamd.New(spamd.Config{
			Balance: spamd.First, Outage: 45 * time.Second,
			Servers: []spamd.Server{{Address: "down", Slots: 2}, {Address: "up", Slots: 2}},
			Dial:    dialByName(map[string]*spamdtest.Memory{"up": up, "down": down}),
		})
		_, err := s.Scan(within(t, 100*time.Millisecond), message(text)) // the outage begins
		wantFailure(t, err, filter.CauseUnreachable)
		time.Sleep(time.Minute)
		tried := up.Dialled() + down.Dialled()
		_, err = s.Scan(within(t, 45*time.Second), message(text))
		wantFailure(t, err, filter.CauseUnreachable)
		if n := up.Dialled() + down.Dialled() - tried; n != 2 {
			t.Errorf("%d attempts in an outage of both", n)
		}
		up.Refuse(false)
		if f, err := s.Scan(within(t, 45*time.Second), message(text)); err != nil || f.Server != "up" {
			t.Errorf("%+v, %v", f, err)
		}
	})
}

// The answer comes a little after the tick that asked for it.
func TestAQuietServerIsAskedAtEveryTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Delay: 10 * time.Millisecond}}, spamd.Config{})
		ctx, stop := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		wait.Go(func() { b.Run(ctx) })
		time.Sleep(5*time.Minute + time.Second)
		if n := pings(b.fake); n != 11 {
			t.Errorf("%d PINGs in five minutes", n)
		}
		stop()
		wait.Wait()
	})
}

// What fails at once would make the pace look fast, and everybody wait in vain.
func TestFailuresAreNoPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Delay: time.Second}}, spamd.Config{Wait: 20500 * time.Millisecond})
		b.together(16, time.Minute)
		b.fake.Become(spamdtest.Reply{Code: 76})
		b.together(50, time.Minute)
		b.fake.Become(spamdtest.Reply{Delay: time.Second})
		all := b.together(200, 45*time.Second)
		if n := waitedInVain(all, 0); count(all, filter.CauseBusy) < 100 || n > 2 {
			t.Errorf("%d were busy, %d of them waited", count(all, filter.CauseBusy), n)
		}
	})
}

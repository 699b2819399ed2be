package spamd_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
	"proxyfilter/filter/spamd/spamdtest"
)

// On SIGHUP, spamd drops the scans in flight and refuses connects for a second.
func TestARestartOfTheOnlySpamdUnderLoadCostsNoMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Delay: 100 * time.Millisecond}}, spamd.Config{Wait: 20 * time.Second})
		over := make(chan struct{})
		go func() {
			defer close(over)
			for range 3 {
				time.Sleep(1050 * time.Millisecond)
				b.memory.Refuse(true)
				b.fake.Interrupt()
				time.Sleep(time.Second)
				b.memory.Refuse(false)
			}
		}()
		var wait sync.WaitGroup
		for i := range 6 { // one more than the slots, without pause
			wait.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-over:
						return
					default:
					}
					if _, err := b.Scan(within(t, 45*time.Second), message(text)); err != nil {
						t.Errorf("client %d, message %d: %v", i, n, err)
					}
				}
			})
		}
		wait.Wait()
		time.Sleep(10 * time.Second)
		if _, err := b.Scan(within(t, time.Second), message(text)); err != nil || b.Status().Servers[0].Breaker != "closed" {
			t.Errorf("afterwards: %+v, %v", b.Status(), err)
		}
	})
}

// Somebody else keeps all children busy: our connects wait in the backlog.
func TestAllChildrenBusyDoesNotOpenTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		fake := &spamdtest.Server{Children: 4, Choose: func(spamdtest.Request) spamdtest.Reply { <-free; return spamdtest.Reply{} }}
		b := inMemory(t, fake, spamd.Config{Wait: 20 * time.Second, ProbeInterval: 30 * time.Second})
		ctx, stop := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		for range 4 { // another client, which goes round our slots
			wait.Go(func() { askBare(t, b.memory) })
		}
		synctest.Wait()
		wait.Go(func() { b.Run(ctx) })
		for range 10 {
			if all := b.together(20, 45*time.Second); count(all, "") != 0 {
				t.Error("somebody was scanned")
			}
		}
		if st := b.Status(); st.Servers[0].Breaker != "closed" {
			t.Errorf("status %+v", st)
		}
		close(free)
		synctest.Wait()
		if _, err := b.Scan(within(t, 45*time.Second), message(text)); err != nil {
			t.Error(err)
		}
		stop()
		wait.Wait()
	})
}

// askBare takes a child, as somebody else's spamc does.
func askBare(t *testing.T, m *spamdtest.Memory) {
	conn, err := m.Dial(t.Context(), "", "")
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte("CHECK SPAMC/1.5\r\nContent-length: 0\r\n\r\n\n"))
	_, _ = conn.Read(make([]byte, 100))
}

func TestAServerThatIsDownIsAskedLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up, down := spamdtest.NewMemory(), spamdtest.NewMemory()
		down.Refuse(true)
		fake := &spamdtest.Server{}
		fake.Start(up)
		fake.Start(down)
		defer fake.Close()
		var notices []spamd.Notice
		s := spamd.New(spamd.Config{
			Balance: spamd.First,
			Servers: []spamd.Server{{Address: "down", Slots: 2}, {Address: "up", Slots: 2}},
			Dial:    dialByName(map[string]*spamdtest.Memory{"up": up, "down": down}),
			Notice:  func(n spamd.Notice) { notices = append(notices, n) },
		})
		for range 20 {
			if f, err := s.Scan(within(t, time.Second), message(text)); err != nil || f.Server != "up" {
				t.Errorf("%+v, %v", f, err)
			}
		}
		if n := down.Dialled(); n != 5 {
			t.Errorf("the server that is down was asked %d times", n)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		down.Refuse(false)
		time.Sleep(10 * time.Second)
		go s.Run(ctx)
		synctest.Wait()
		if f, err := s.Scan(within(t, time.Second), message(text)); err != nil || f.Server != "down" {
			t.Errorf("after its PING: %+v, %v", f, err)
		}
		if !slices.Equal(notices, []spamd.Notice{{Event: spamd.ServerDown, Server: "down"}, {Event: spamd.ServerUp, Server: "down"}}) {
			t.Errorf("notices %v", notices)
		}
	})
}

func dialByName(hosts map[string]*spamdtest.Memory) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return hosts[address].Dial(ctx, network, address)
	}
}

func TestWhileEverybodyIsDownTheOnesLeftAreTriedUntilTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{}, spamd.Config{Servers: []spamd.Server{{Address: "a"}, {Address: "b"}}})
		b.memory.Refuse(true)
		begin := time.Now()
		_, err := b.Scan(within(t, 45*time.Second), message(text))
		wantFailure(t, err, filter.CauseUnreachable)
		if took := time.Since(begin); took != 45*time.Second {
			t.Errorf("gave up after %v", took)
		}
		for _, name := range []string{"spamd a: dial memory: connection refused (", "; spamd b: dial memory: connection refused ("} {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("error %q lacks %q", err, name)
			}
		}
		if n := b.memory.Dialled(); n < 40 || n > 60 {
			t.Errorf("%d attempts in 45 s", n)
		}
		b.memory.Refuse(false)
		if _, err := b.Scan(within(t, time.Second), message(text)); err != nil {
			t.Errorf("with both breakers open: %v", err)
		}
	})
}

func TestInALongOutageAFailedAttemptIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{}, spamd.Config{Outage: 45 * time.Second})
		b.memory.Refuse(true)
		time.Sleep(time.Hour) // nobody asked: that is no outage yet
		for i, want := range []time.Duration{45 * time.Second, 0, 0} {
			begin := time.Now()
			_, err := b.Scan(within(t, 45*time.Second), message(text))
			wantFailure(t, err, filter.CauseUnreachable)
			if took := time.Since(begin); took != want {
				t.Errorf("message %d: gave up after %v, want %v", i, took, want)
			}
		}
		if blind := b.Status().Blind; blind != time.Hour+45*time.Second {
			t.Errorf("blind for %v", blind)
		}
		b.memory.Refuse(false)
		if _, err := b.Scan(within(t, time.Second), message(text)); err != nil {
			t.Error(err)
		}
		b.memory.Refuse(true) // a restart, later: it is waited for again
		time.AfterFunc(time.Second, func() { b.memory.Refuse(false) })
		if _, err := b.Scan(within(t, 45*time.Second), message(text)); err != nil {
			t.Error(err)
		}
	})
}

func TestAConnectThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{}, spamd.Config{ConnectTimeout: 2 * time.Second})
		b.memory.Hang(true)
		time.AfterFunc(3*time.Second, func() { b.memory.Hang(false) })
		begin := time.Now()
		if _, err := b.Scan(within(t, 45*time.Second), message(text)); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestPINGGoesOnlyToAServerWithoutSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{}, spamd.Config{})
		ctx, stop := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		wait.Go(func() { b.Run(ctx) })
		for range 40 {
			time.Sleep(15 * time.Second)
			if _, err := b.Scan(within(t, time.Second), message(text)); err != nil {
				t.Error(err)
			}
		}
		if n := pings(b.fake); n != 1 {
			t.Errorf("%d PINGs beside the scans, want the first", n)
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if n := pings(b.fake); n < 9 || n > 12 {
			t.Errorf("%d PINGs in five quiet minutes", n)
		}
		if blind := b.Status().Blind; blind > 31*time.Second {
			t.Errorf("blind for %v although PING is answered", blind)
		}
		stop()
		wait.Wait()
	})
}

func pings(fake *spamdtest.Server) (n int) {
	for _, r := range fake.Requests() {
		if r.Command == "PING" {
			n++
		}
	}
	return n
}

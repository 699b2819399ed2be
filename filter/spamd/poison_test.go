package spamd_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
	"proxyfilter/filter/spamd/spamdtest"
)

// poisoned is a spamd whose child dies of some messages.
func poisoned() *spamdtest.Server {
	return &spamdtest.Server{Choose: func(r spamdtest.Request) spamdtest.Reply {
		if strings.Contains(string(r.Body), "poison") {
			return spamdtest.Reply{Drop: spamdtest.AtReply}
		}
		return spamdtest.Reply{}
	}}
}

func TestAMessageThatKillsItsChildIsGivenUpSoon(t *testing.T) {
	one, two := spamd.Server{Address: "one", Slots: 4}, spamd.Server{Address: "two", Slots: 4}
	tests := []struct {
		name    string
		fake    *spamdtest.Server
		servers []spamd.Server
	}{
		{"with one server", poisoned(), []spamd.Server{one}},
		{"with two servers", poisoned(), []spamd.Server{one, two}},
		{"when the child dies before it has read all", &spamdtest.Server{Reply: spamdtest.Reply{Drop: spamdtest.AtMessage}}, []spamd.Server{one}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := inMemory(t, tt.fake, spamd.Config{Servers: tt.servers})
				begin := time.Now()
				_, err := b.Scan(within(t, 45*time.Second), message(text+"poison"+strings.Repeat("x\r\n", 100<<10)))
				wantFailure(t, err, filter.CauseBroken)
				if n, took := b.memory.Dialled(), time.Since(begin); n != 4*len(tt.servers) || took < 2*time.Second || took > 6*time.Second {
					t.Errorf("%d attempts in %v", n, took)
				}
				for _, st := range b.Status().Servers {
					if st.Breaker != "closed" || st.Busy != 0 {
						t.Errorf("status %+v", st)
					}
				}
			})
		})
	}
}

// It may only wait for the server that is away, and must not hold up the line.
func TestWhoHasDoneWithAServerIsPassedBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up, down := spamdtest.NewMemory(), spamdtest.NewMemory()
		down.Refuse(true)
		fake := poisoned()
		fake.Start(up)
		fake.Start(down)
		defer fake.Close()
		s := spamd.New(spamd.Config{
			Servers: []spamd.Server{{Address: "up", Slots: 1}, {Address: "down", Slots: 1}},
			Dial:    dialByName(map[string]*spamdtest.Memory{"up": up, "down": down}),
		})
		over := make(chan error)
		go func() { _, err := s.Scan(within(t, 45*time.Second), message(text+"poison")); over <- err }()
		time.Sleep(10 * time.Second)
		for range 20 {
			if f, err := s.Scan(within(t, 10*time.Second), message(text)); err != nil || f.Server != "up" {
				t.Errorf("%+v, %v", f, err)
			}
		}
		<-over
		if n := fake.Served(); n != 4+20 {
			t.Errorf("%d requests", n)
		}
	})
}

// A spamd on its way out may take connections, and answer none.
func TestARestartThatTakesConnectionsCostsNoMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Drop: spamdtest.AtReply}}, spamd.Config{})
		time.AfterFunc(2*time.Second, func() { b.fake.Become(spamdtest.Reply{}) })
		for i, o := range b.together(4, 45*time.Second) {
			if o.err != nil {
				t.Errorf("message %d after %v: %v", i, o.took, o.err)
			}
		}
	})
}

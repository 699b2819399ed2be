package spamd_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
	"proxyfilter/filter/spamd/spamdtest"
)

// panicking is a Content that can be read once: the head, before the attempt.
type panicking struct {
	filter.Content
	reads int
}

func (p *panicking) ReadAt(b []byte, off int64) (int, error) {
	if p.reads++; p.reads > 1 {
		panic("read within the attempt")
	}
	return p.Content.ReadAt(b, off)
}

// counted notices that it is closed.
type counted struct {
	net.Conn
	open *atomic.Int32
}

func (c counted) Close() error {
	c.open.Add(-1)
	return c.Conn.Close()
}

func TestAPanicCostsNeitherSlotNorConnectionNorBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := spamdtest.NewMemory()
		fake := &spamdtest.Server{}
		fake.Start(memory)
		defer fake.Close()
		var open atomic.Int32
		s := spamd.New(spamd.Config{
			Servers: []spamd.Server{{Address: "one", Slots: 2}},
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := memory.Dial(ctx, network, address)
				if err == nil {
					open.Add(1)
					conn = counted{conn, &open}
				}
				return conn, err
			},
		})
		memory.Refuse(true) // until the breaker opens
		_, err := s.Scan(within(t, 10*time.Second), message(text))
		wantFailure(t, err, filter.CauseUnreachable)
		memory.Refuse(false)
		time.Sleep(6 * time.Second) // now it is half-open
		for range 3 {
			mustPanic(t, s)
		}
		if st := s.Status().Servers[0]; st.Busy != 0 || open.Load() != 0 || st.Breaker != "half-open" {
			t.Errorf("%d connections, %+v", open.Load(), st)
		}
		if _, err := s.Scan(within(t, time.Second), message(text)); err != nil || s.Status().Servers[0].Breaker != "closed" {
			t.Errorf("afterwards: %v, %+v", err, s.Status())
		}
	})
}

func mustPanic(t *testing.T, s *spamd.Scanner) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	m := message(text)
	m.Content = &panicking{Content: m.Content}
	_, _ = s.Scan(within(t, time.Second), m)
}

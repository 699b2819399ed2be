package relay

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// asked is what Ready says within two seconds.
func asked(n *NextHop) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return n.Ready(ctx)
}

func TestReady(t *testing.T) {
	played(t, "many questions are one connection", nil, func(t *testing.T, c *chain) {
		next := &NextHop{Hostname: "filter.test", Dial: c.back.Dial}
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if err := asked(next); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := c.back.Dialed(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
	played(t, "a message is as good as a question", nil, func(t *testing.T, c *chain) {
		p := c.dial()
		p.envelope()
		p.write("Subject: x\r\n\r\nhello\r\n")
		p.say(".", "250")
		p.say("QUIT", "221")
		if err := asked(c.next); err != nil || c.back.Dialed() != 1 {
			t.Errorf("%v after %d connections", err, c.back.Dialed())
		}
	})
	played(t, "its end and its return are noticed in time", nil, func(t *testing.T, c *chain) {
		next := &NextHop{Hostname: "filter.test", Dial: c.back.Dial}
		if err := asked(next); err != nil {
			t.Error(err)
		}
		c.back.Refuse(true)
		time.Sleep(wellFor) // virtual
		for range 2 {
			if asked(next) == nil {
				t.Error("it is away, and ready")
			}
		}
		c.back.Refuse(false)
		if asked(next) == nil {
			t.Error("asked again at once")
		}
		time.Sleep(illFor)
		if err := asked(next); err != nil {
			t.Error(err)
		}
	})
	played(t, "silence is no answer, and is not asked about at once again", nil, func(t *testing.T, c *chain) {
		c.back.Hang(true)
		next := &NextHop{Hostname: "filter.test", Dial: c.back.Dial}
		began := time.Now()
		for range 3 {
			if asked(next) == nil {
				t.Error("it hangs, and is ready")
			}
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("three questions took %s", took)
		}
	})
	played(t, "with all connections in use it waits for one", nil, func(t *testing.T, c *chain) {
		next := &NextHop{Hostname: "filter.test", Dial: c.back.Dial, Connections: 1}
		h, err := next.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(wellFor)
		if asked(next) == nil {
			t.Error("none was free, and it is ready")
		}
		next.give(h)
		if err := asked(next); err != nil { // the conversation ended in order
			t.Error(err)
		}
		next.Close()
		synctest.Wait()
	})
}

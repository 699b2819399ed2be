package relay

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
	"proxyfilter/relay/relaytest"
)

// slow is a judge that takes its time, unless its context ends.
func slow(d time.Duration) func(*chain) {
	return func(c *chain) {
		c.server.Judge = func() Judge {
			return judge(func(ctx context.Context, m filter.Message) filter.Verdict {
				select {
				case <-time.After(d):
					return accept(ctx, m)
				case <-ctx.Done():
					return filter.Verdict{Action: filter.Defer, Reason: filter.Unscanned}
				}
			})
		}
	}
}

// deaf is a judge that ignores its context.
func deaf(c *chain) {
	c.server.Judge = func() Judge {
		return judge(func(ctx context.Context, m filter.Message) filter.Verdict {
			time.Sleep(5 * time.Minute) // virtual
			m.Content.ReadAt(make([]byte, 1), 0)
			return accept(ctx, m)
		})
	}
}

// outcome checks the one record, and that nothing was delivered or left open.
func (c *chain) nothingDelivered(reason filter.Reason) {
	c.t.Helper()
	synctest.Wait()
	records := c.recorded()
	if len(records) != 1 || records[0].Verdict.Reason != reason {
		c.t.Errorf("records %+v, want one with reason %s", records, reason)
	}
	r := c.hop.Report()
	if len(r.Delivered()) > 0 {
		c.t.Errorf("delivered %q", r.Delivered()[0].Content)
	}
	if ram, disk := c.server.Spool.Used(); ram != 0 || disk != 0 {
		c.t.Errorf("spool still holds %d and %d bytes", ram, disk)
	}
}

// outOfTurn says something so long after the end of data, before it has heard an
// answer. A judge that was asked has ended when the test does.
func outOfTurn(after time.Duration, said string) func(*testing.T, *chain) {
	return func(_ *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.envelope()
		p.write("x\r\n.\r\n")
		time.Sleep(after)
		p.write(said)
		p.expect("451 4.5.0")
		p.expect("")
		c.nothingDelivered(filter.Malformed)
		time.Sleep(10 * time.Minute)
	}
}

func TestWaiting(t *testing.T) {
	played(t, "a slow sender is waited for, whatever the whole takes", nil, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.envelope()
		for range 10 {
			time.Sleep(300 * time.Second) // virtual, below the limit of silence
			p.write("line\r\n")
		}
		p.say(".", "250")
	})
	played(t, "a silent sender is not, and nothing is delivered", nil, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.envelope()
		p.write("half a line")
		p.expect("")
		c.nothingDelivered(filter.Aborted)
	})
	played(t, "QUIT in the middle of content is an abort, not content", nil, func(t *testing.T, c *chain) {
		p := c.dial()
		p.envelope()
		p.write("half a lineQUIT\r\n")
		p.close()
		c.nothingDelivered(filter.Aborted)
	})
	played(t, "Postfix hangs up while the message is weighed", slow(30*time.Second), func(t *testing.T, c *chain) {
		p := c.dial()
		p.envelope()
		p.write("x\r\n.\r\n")
		time.Sleep(time.Second)
		p.close()
		c.nothingDelivered(filter.Gone)
	})
	played(t, "Postfix hangs up while the next hop takes the content", func(c *chain) {
		c.hop.At = map[relaytest.Stage]relaytest.Fault{relaytest.DATA: {Delay: 20 * time.Second}}
	}, func(t *testing.T, c *chain) {
		p := c.dial()
		p.envelope()
		p.write("x\r\n.\r\n")
		time.Sleep(10 * time.Second)
		p.close()
		time.Sleep(20 * time.Second)
		c.nothingDelivered(filter.Gone)
	})
	played(t, "bytes behind the end of data are refused with the message", nil, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.envelope()
		p.write("x\r\n.\r\nMAIL FROM:<forged@x>\r\n")
		p.expect("451 4.5.0")
		p.expect("")
		c.nothingDelivered(filter.Malformed)
	})
	played(t, "bytes that come while the message is weighed are, too", slow(30*time.Second), outOfTurn(time.Second, "MAIL FROM:<forged@x>\r\n"))
	played(t, "so they are when the judge ignores its context", deaf, outOfTurn(time.Second, "QUIT\r\n"))
	played(t, "bytes that come while the next hop takes the content are, too", func(c *chain) {
		c.hop.At = map[relaytest.Stage]relaytest.Fault{relaytest.DATA: {Delay: 20 * time.Second}}
	}, outOfTurn(10*time.Second, "MAIL FROM:<forged@x>\r\n"))
	for _, size := range []int{512, 2048, 4096, 4608, readSize} {
		played(t, fmt.Sprintf("bytes behind an end of data that ends a read of %d bytes are not executed", size), func(c *chain) {
			c.server.MaxMessage = 100 // refused before the judge could listen
			c.atOnce = size
		}, func(t *testing.T, c *chain) {
			p := c.dial()
			defer p.close()
			p.envelope()
			p.write(strings.Repeat("x", size-5) + "\r\n.\r\n" + "MAIL FROM:<forged@x>\r\nRCPT TO:<victim@y>\r\nDATA\r\nx\r\n.\r\n")
			if got := p.reply(); !strings.HasPrefix(got, "451 4.5.0") {
				t.Errorf("got %q", got)
			}
			p.expect("")
			c.nothingDelivered(filter.Malformed)
		})
	}
	played(t, "bytes that come while the next hop considers its answer are not executed", func(c *chain) {
		c.hop.At = map[relaytest.Stage]relaytest.Fault{relaytest.Dot: {Delay: 20 * time.Second}}
	}, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.envelope()
		p.write("x\r\n.\r\n")
		time.Sleep(10 * time.Second)
		p.write("MAIL FROM:<forged@x>\r\nRCPT TO:<victim@y>\r\nDATA\r\n")
		p.expect("250")
		p.expect("")
		if n := len(c.hop.Report().Transactions); n != 1 {
			t.Errorf("%d transactions", n)
		}
	})
	played(t, "a judge that never answers costs 45 seconds and a retry", slow(time.Hour), func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.envelope()
		start := time.Now()
		p.say("x\r\n.", "451 4.7.1")
		if took := time.Since(start); took < 44*time.Second || took > 46*time.Second {
			t.Errorf("took %v", took)
		}
		c.nothingDelivered(filter.Unscanned)
	})
	played(t, "nor does one that ignores its context cost more than a retry", deaf, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.envelope()
		start := time.Now()
		p.say("x\r\n.", "451 4.3.0")
		p.expect("")
		if took := time.Since(start); took > 50*time.Second {
			t.Errorf("took %v", took)
		}
		c.nothingDelivered(filter.Internal)
		if n := c.server.Conversations(); n != 0 {
			t.Errorf("%d conversations are left", n)
		}
		time.Sleep(10 * time.Minute) // until the judge has ended
		c.nothingDelivered(filter.Internal)
	})
	played(t, "Postfix may hang up on one that ignores its context", deaf, func(t *testing.T, c *chain) {
		p := c.dial()
		p.envelope()
		p.write("x\r\n.\r\n")
		time.Sleep(time.Second)
		p.close()
		time.Sleep(2 * stuck)
		c.nothingDelivered(filter.Gone)
		time.Sleep(10 * time.Minute)
		c.nothingDelivered(filter.Gone)
	})
	played(t, "a next hop that says nothing after DATA costs 60 seconds and a retry", func(c *chain) {
		c.hop.At = map[relaytest.Stage]relaytest.Fault{relaytest.DATA: {Hang: true}}
	}, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.envelope()
		start := time.Now()
		p.say("x\r\n.", "451 4.4.1")
		if took := time.Since(start); took > 61*time.Second {
			t.Errorf("took %v", took)
		}
		c.nothingDelivered(filter.Late)
	})
}

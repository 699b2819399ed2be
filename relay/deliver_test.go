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

// send carries one message through a chain and returns the reply to it.
func (c *chain) send(rcpts ...string) string {
	p := c.dial()
	defer p.close()
	p.say("EHLO mx", "250")
	p.say("MAIL FROM:<a@example.net>", "250")
	for _, rcpt := range append([]string{"b@example.org"}, rcpts...) {
		p.say("RCPT TO:<"+rcpt+">", "250")
	}
	p.say("DATA", "354")
	p.write("Subject: x\r\n\r\nx\r\n.\r\n")
	return p.reply()
}

func TestNextHop(t *testing.T) {
	fault := func(at map[relaytest.Stage]relaytest.Fault) func(*chain) {
		return func(c *chain) { c.hop.At = at }
	}
	for _, tc := range []struct {
		name   string
		fault  map[relaytest.Stage]relaytest.Fault
		rcpts  map[string]string
		want   string
		reason filter.Reason
	}{
		{"its refusal of the sender is the reply", map[relaytest.Stage]relaytest.Fault{relaytest.MAIL: {Reply: "550 5.7.1 not you"}}, nil, "550 5.7.1 not you\r\n", filter.HopRefused},
		{"its refusal of the content is the reply", map[relaytest.Stage]relaytest.Fault{relaytest.Dot: {Reply: "554 5.7.1 header check"}}, nil, "554 5.7.1 header check\r\n", filter.HopRefused},
		{"a temporary refusal of one recipient comes before a permanent one of another", nil, map[string]string{"b@example.org": "550 5.1.1 unknown", "c@example.org": "450 4.2.0 full"}, "450 4.2.0 full\r\n", filter.HopRefused},
		{"one refused recipient is the message's reply", nil, map[string]string{"c@example.org": "550 5.1.1 unknown"}, "550 5.1.1 unknown\r\n", filter.HopRefused},
		{"421 would make Postfix hang up on the client", map[relaytest.Stage]relaytest.Fault{relaytest.Dot: {Reply: "421 4.3.2 later"}}, nil, "451 4.3.2 later\r\n", filter.HopRefused},
		{"a reply to the content that is neither yes nor no is 451", map[relaytest.Stage]relaytest.Fault{relaytest.Dot: {Reply: "354 what"}}, nil, "451 4.4.1", filter.HopLost},
		{"garbage is 451", map[relaytest.Stage]relaytest.Fault{relaytest.Dot: {Reply: "hello"}}, nil, "451 4.4.1", filter.HopLost},
		{"a refused greeting is 451, for it says nothing about the message", map[relaytest.Stage]relaytest.Fault{relaytest.Greeting: {Reply: "554 5.3.2 no"}}, nil, "451 4.4.1", filter.HopLost},
		{"its refusal of XFORWARD is ignored", map[relaytest.Stage]relaytest.Fault{relaytest.XFORWARD: {Reply: "550 5.7.0 no"}}, nil, "250 2.0.0 Ok: queued as", filter.Clean},
	} {
		played(t, tc.name, func(c *chain) {
			c.hop.At = tc.fault
			c.hop.Recipients = map[string]relaytest.Fault{}
			for rcpt, reply := range tc.rcpts {
				c.hop.Recipients[rcpt] = relaytest.Fault{Reply: reply}
			}
		}, func(t *testing.T, c *chain) {
			if got := c.send("c@example.org"); !strings.HasPrefix(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if got := c.recorded(); len(got) != 1 || got[0].Verdict.Reason != tc.reason {
				t.Errorf("records %+v", got)
			}
			if r := c.hop.Report(); len(r.Delivered()) > 0 != (tc.reason == filter.Clean) {
				t.Errorf("delivered %+v", r.Delivered())
			}
		})
	}
	for _, stage := range relaytest.Stages() {
		if stage == relaytest.QUIT || stage == relaytest.RSET || stage == relaytest.XCLIENT || stage == relaytest.Idle {
			continue
		}
		played(t, fmt.Sprintf("it breaks off at %s: 451, and nothing is lost or doubled", stage), fault(map[relaytest.Stage]relaytest.Fault{stage: {Drop: true, Times: 1}}), func(t *testing.T, c *chain) {
			if got := c.send(); !strings.HasPrefix(got, "451 4.4.1") {
				t.Errorf("got %q", got)
			}
			if got := c.send(); !strings.HasPrefix(got, "250") {
				t.Errorf("retry: %q", got)
			}
			if n := len(c.hop.Report().Delivered()); n != 1 {
				t.Errorf("%d deliveries", n)
			}
		})
	}
}

func TestReuse(t *testing.T) {
	played(t, "a connection serves message after message", nil, func(t *testing.T, c *chain) {
		for range 5 {
			c.send()
		}
		if r := c.hop.Report(); r.Connections != 1 || len(r.Delivered()) != 5 || len(r.Violations) > 0 {
			t.Errorf("%d connections, %d deliveries, %v", r.Connections, len(r.Delivered()), r.Violations)
		}
	})
	played(t, "one that died meanwhile is replaced, unheard", func(c *chain) {
		c.hop.At = map[relaytest.Stage]relaytest.Fault{relaytest.At(relaytest.MAIL, 2): {Drop: true, Times: 1}}
	}, func(t *testing.T, c *chain) {
		for range 3 {
			if got := c.send(); !strings.HasPrefix(got, "250") {
				t.Errorf("got %q", got)
			}
		}
	})
	played(t, "one that is told 421 is replaced, too", func(c *chain) {
		c.hop.At = map[relaytest.Stage]relaytest.Fault{relaytest.At(relaytest.MAIL, 2): {Reply: "421 4.4.2 timeout", Drop: true, Times: 1}}
	}, func(t *testing.T, c *chain) {
		for range 3 {
			if got := c.send(); !strings.HasPrefix(got, "250") {
				t.Errorf("got %q", got)
			}
		}
	})
	played(t, "an idle connection is closed after a minute", nil, func(t *testing.T, c *chain) {
		c.send()
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if open := c.hop.Report().Open; open != 0 {
			t.Errorf("%d are open", open)
		}
	})
	played(t, "no more connections than allowed, and the rest waits", func(c *chain) {
		c.hop.At = map[relaytest.Stage]relaytest.Fault{relaytest.Dot: {Delay: time.Second}}
	}, func(t *testing.T, c *chain) {
		done := make(chan string)
		for range 9 {
			go func() { done <- c.send() }()
		}
		for range 9 {
			if got := <-done; !strings.HasPrefix(got, "250") {
				t.Errorf("got %q", got)
			}
		}
		if r := c.hop.Report(); r.Most != c.next.Connections {
			t.Errorf("%d connections at once", r.Most)
		}
	})
	played(t, "two replies to one message are an alarm, and end the connection", func(c *chain) {
		c.hop.At = map[relaytest.Stage]relaytest.Fault{relaytest.Dot: {Twice: true, Times: 1}}
	}, func(t *testing.T, c *chain) {
		if got := c.send(); !strings.HasPrefix(got, "250") {
			t.Errorf("got %q", got)
		}
		c.send()
		if r := c.hop.Report(); r.Connections != 2 {
			t.Errorf("%d connections", r.Connections)
		}
	})
}

func TestAtMail(t *testing.T) {
	atMail := func(at map[relaytest.Stage]relaytest.Fault) func(*chain) {
		return func(c *chain) {
			c.server.AtMail = true
			c.hop.At = at
			c.hop.Recipients = map[string]relaytest.Fault{"no@example.org": {Reply: "550 5.1.1 unknown"}}
		}
	}
	played(t, "each recipient gets the next hop's own answer, and a Record if refused", atMail(nil), func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.say("EHLO mx", "250")
		p.say("MAIL FROM:<a@example.net>", "250")
		p.say("RCPT TO:<yes@example.org>", "250")
		p.say("RCPT TO:<no@example.org>", "550 5.1.1 unknown")
		p.say("DATA", "354")
		p.say("x\r\n.", "250 2.0.0 Ok: queued as")
		records := c.recorded()
		if len(records) != 2 || records[0].Recipient != "no@example.org" || records[1].Verdict.Reason != filter.Clean {
			t.Errorf("records %+v", records)
		}
		if got := c.hop.Report().Delivered()[0].Recipients; len(got) != 1 {
			t.Errorf("recipients %q", got)
		}
	})
	played(t, "a next hop that refuses or is away says so at MAIL", atMail(map[relaytest.Stage]relaytest.Fault{
		relaytest.At(relaytest.MAIL, 1): {Reply: "550 5.7.1 no"}, relaytest.At(relaytest.MAIL, 2): {Drop: true},
	}), func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.say("EHLO mx", "250")
		p.say("MAIL FROM:<a@example.net>", "550 5.7.1 no")
		p.say("MAIL FROM:<a@example.net>", "451 4.4.1")
		p.say("MAIL FROM:<a@example.net>", "250")
	})
	played(t, "a refused message ends the connection without a final dot", func(c *chain) {
		atMail(nil)(c)
		c.server.Judge = func() Judge {
			return judge(func(context.Context, filter.Message) filter.Verdict {
				return filter.Verdict{Action: filter.Reject, Reason: filter.Score, Text: "spam {id}"}
			})
		}
	}, func(t *testing.T, c *chain) {
		if got := c.send(); !strings.HasPrefix(got, "550 5.7.1 spam "+c.recorded()[0].Envelope.ID) {
			t.Errorf("got %q", got)
		}
		synctest.Wait()
		if r := c.hop.Report(); len(r.Delivered()) > 0 || r.Open != 0 {
			t.Errorf("%+v", r)
		}
	})
	played(t, "a connection lost between RCPT and DATA is 451", atMail(map[relaytest.Stage]relaytest.Fault{relaytest.DATA: {Drop: true}}), func(t *testing.T, c *chain) {
		if got := c.send(); !strings.HasPrefix(got, "451 4.4.1") {
			t.Errorf("got %q", got)
		}
	})
}

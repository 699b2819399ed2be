package relay

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"proxyfilter/filter"
)

// played runs a test in a bubble of virtual time, with a chain around it.
func played(t *testing.T, name string, change func(*chain), play func(t *testing.T, c *chain)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newChain(t, change)
			c.t = t
			defer c.end()
			play(t, c)
		})
	})
}

func TestFront(t *testing.T) {
	played(t, "a message is carried, with the next hop's own reply", nil, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.envelope()
		p.say("Subject: x\r\n\r\n..hello\r\n.", "250 2.0.0 Ok: queued as")
		p.say("QUIT", "221")
		r := c.hop.Report()
		if len(r.Delivered()) != 1 || string(r.Delivered()[0].Content) != "Subject: x\r\n\r\n.hello\r\n" {
			t.Fatalf("delivered %+v", r.Transactions)
		}
		if len(r.Violations) > 0 {
			t.Error(r.Violations)
		}
		if n := len(c.recorded()); n != 1 {
			t.Errorf("%d records", n)
		}
	})
	played(t, "commands that arrive together are executed one by one", nil, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.write("EHLO a\r\nXFORWARD NAME=c.example ADDR=192.0.2.7\r\nXFORWARD HELO=c+2Bd IDENT=[UNAVAILABLE]\r\n" +
			"MAIL FROM:<\"odd local\"@x.y> SIZE=5000000000 XVERP\r\nRCPT TO:<postmaster> ORCPT=x400;foo\r\nDATA\r\n")
		for _, want := range []string{"250-", "250 2.0.0 Ok", "250 2.0.0 Ok", "250 2.1.0 Ok", "250 2.1.5 Ok", "354"} {
			p.expect(want)
		}
		p.say("X: y\r\n\r\n.", "250 2.0.0 Ok: queued")
		got := c.hop.Report().Delivered()[0]
		if got.Mail != `<"odd local"@x.y> SIZE=5000000000 XVERP` || got.Recipients[0] != "<postmaster> ORCPT=x400;foo" {
			t.Errorf("envelope %q %q", got.Mail, got.Recipients)
		}
		if got.Forward["HELO"] != "c+d" || got.Forward["IDENT"] != c.recorded()[0].Envelope.ID || got.Forward["SOURCE"] != "REMOTE" {
			t.Errorf("forward %v", got.Forward)
		}
	})
	played(t, "an XFORWARD that cannot be read is answered 250 all the same", nil, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.say("EHLO a", "250")
		p.say("XFORWARD", "250")
		p.say("XFORWARD NAME=+ZZ BOGUS=1 =", "250")
		p.envelope()
		p.say(".", "250")
	})
	played(t, "a command cut short is not executed", nil, func(t *testing.T, c *chain) {
		p := c.dial()
		p.envelope()
		p.say("x\r\n.", "250")
		p.write("MAIL FROM:<a@b>")
		p.close()
		synctest.Wait()
		if n := len(c.hop.Report().Transactions); n != 1 {
			t.Errorf("%d transactions", n)
		}
	})
	played(t, "a line without end, control characters and BDAT end the conversation", nil, func(t *testing.T, c *chain) {
		for _, line := range []string{strings.Repeat("x", 1<<20), "NOOP \x00", "MAIL FROM:<a\rb>", "BDAT 10 LAST"} {
			p := c.dial()
			p.say("EHLO a", "250")
			go p.conn.Write([]byte(line + "\r\n"))
			p.expect("50")
			p.expect("")
			p.close()
		}
	})
	played(t, "unknown commands are counted, and STARTTLS and AUTH are unknown", nil, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		hello := p.say("EHLO a", "250")
		for _, no := range []string{"PIPELINING", "CHUNKING", "STARTTLS", "AUTH"} {
			if strings.Contains(hello, no) {
				t.Errorf("announces %s", no)
			}
		}
		for range maxMistakes {
			p.say("AUTH PLAIN", "502")
		}
		p.say("STARTTLS", "500")
		p.expect("")
	})
	played(t, "a nested MAIL is refused and the transaction goes on", nil, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.say("EHLO a", "250")
		p.say("MAIL FROM:<a@b>", "250")
		p.say("RCPT TO:<c@d>", "250")
		p.say("MAIL FROM:<e@f>", "503")
		p.say("DATA", "354")
		p.say(".", "250")
		if got := c.hop.Report().Delivered()[0].Mail; got != "<a@b>" {
			t.Errorf("MAIL %q", got)
		}
	})
	played(t, "a panic costs one message and says 451", func(c *chain) {
		c.server.Judge = func() Judge {
			return judge(func(context.Context, filter.Message) filter.Verdict { panic("judge") })
		}
	}, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.envelope()
		p.say("x\r\n.", "451 4.3.0")
		p.say("QUIT", "221")
		if n := len(c.recorded()); n != 1 {
			t.Errorf("%d records", n)
		}
	})
	played(t, "content that comes before 354 ends the conversation", nil, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.say("EHLO a", "250")
		p.write("DATA\r\nMAIL FROM:<smuggled@x>\r\nRCPT TO:<victim@y>\r\nDATA\r\nx\r\n.\r\n")
		p.expect("503 5.5.0")
		p.expect("")
		if r := c.hop.Report(); len(r.Transactions) > 0 {
			t.Errorf("%+v", r.Transactions)
		}
	})
	played(t, "verbs are found as Postfix finds them, and the line goes on as it is", nil, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.say("EHLO a", "250")
		p.say(" mail\tfrom: <a@b> size=10", "250")
		p.say("RCPT\tTO:<c@d>", "250")
		p.say("data \t", "354")
		p.say("x\r\n.", "250")
		if got := c.recorded()[0].Envelope; got.Sender != "a@b" || got.Recipients[0] != "c@d" {
			t.Errorf("%+v", got)
		}
	})
	played(t, "XFORWARD is about one message", nil, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.say("EHLO a", "250")
		p.say("XFORWARD NAME=trusted.example SOURCE=LOCAL", "250")
		for range 2 {
			p.say("MAIL FROM:<a@b>", "250")
			p.say("RCPT TO:<c@d>", "250")
			p.say("DATA", "354")
			p.say("x\r\n.", "250")
		}
		first, second := c.recorded()[0].Envelope.Client, c.recorded()[1].Envelope.Client
		if !first.Local || second.Local || second.Name != "" {
			t.Errorf("%+v and %+v", first, second)
		}
	})
	played(t, "an observer that panics does not turn 250 into a retry", func(c *chain) {
		c.server.Record = func(filter.Record) { panic("observer") }
	}, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.envelope()
		p.say("x\r\n.", "250")
	})
}

package relay

import (
	"bufio"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
)

func TestDrain(t *testing.T) {
	played(t, "a stopping server lets the message under way finish", slow(30*time.Second), func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.envelope()
		p.write("x\r\n.\r\n")
		synctest.Wait()
		c.stop()
		p.expect("250")
		p.say("MAIL FROM:<next@x>", "451 4.3.2")
		p.say("QUIT", "221")
		<-c.ended
	})
	played(t, "a conversation that waits for its first MAIL is a message on its way", nil, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		c.stop()
		synctest.Wait()
		p.envelope()
		p.write("x\r\n.\r\n")
		p.expect("250")
		p.say("QUIT", "221")
		<-c.ended
	})
	played(t, "one that was accepted beyond max_connections is still greeted and served", func(c *chain) {
		c.server.MaxConnections = 1
	}, func(t *testing.T, c *chain) {
		first := c.dial()
		defer first.close()
		conn, err := c.front.Dial(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		second := &postfix{t: t, conn: conn, r: bufio.NewReader(conn)}
		defer second.close()
		synctest.Wait()
		c.stop()
		second.expect("220 ")
		for _, p := range []*postfix{first, second} {
			p.envelope()
			p.write("x\r\n.\r\n")
			p.expect("250")
			p.say("QUIT", "221")
		}
		<-c.ended
	})
	played(t, "a conversation without a transaction ends soon, without a word", nil, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.say("EHLO x", "250")
		start := time.Now()
		c.stop()
		p.expect("")
		<-c.ended
		if took := time.Since(start); took > quiet {
			t.Errorf("took %v", took)
		}
	})
	played(t, "one that never ends is cut off after the drain time", nil, func(t *testing.T, c *chain) {
		p := c.dial()
		defer p.close()
		p.envelope()
		start := time.Now()
		c.stop()
		<-c.ended
		if took := time.Since(start); took != 100*time.Second {
			t.Errorf("took %v", took)
		}
		c.nothingDelivered(filter.Aborted)
	})
}

func TestReplies(t *testing.T) {
	v := filter.Verdict{Action: filter.Reject, Text: strings.Repeat("long ", 200) + "{id}"}
	r := verdictReply(v, "1JD3K8M7Q2XA").Append(nil)
	if len(r) > 512 {
		t.Errorf("%d bytes", len(r))
	}
	for code, want := range map[int]int{421: 451, 521: 554, 450: 450, 554: 554, 354: 451, 220: 451} {
		if got := refusal(text(code, "x")).reply.Code; got != want {
			t.Errorf("next hop's %d becomes %d, want %d", code, got, want)
		}
	}
}

// A server that is told to stop at once must not wait for its library, which
// may not have begun to serve.
func TestStopAtOnce(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			c := newChain(t, nil)
			c.t = t
			c.end()
		})
	}
}

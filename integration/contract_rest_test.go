//go:build integration

package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"proxyfilter/integration/rig"
	"proxyfilter/relay/relaytest"
)

// posing is a client that is somebody else to Postfix, by XCLIENT.
func (x *terms) posing(t *testing.T, attributes, hello string) rig.Conversation {
	t.Helper()
	client := x.dial(t, "lockstep")
	converse(t, client, "> XCLIENT "+attributes+"\r\n", "< 220", hello, fromCarol, rcptAlice, "DATA", small, "< 250")
	client.Close()
	all := x.carried(t)
	if len(all) != 1 {
		t.Fatalf("carried %v", all)
	}
	return all[0]
}

func (x *terms) testForward(t *testing.T) {
	long := strings.Repeat(strings.Repeat("h", 60)+".", 4) + "example"
	for _, c := range []struct{ name, attributes, hello, want string }{
		{"in this order", "NAME=client.example.org ADDR=203.0.113.66 PORT=4711", "EHLO client.example.org", "XFORWARD NAME=client.example.org ADDR=203.0.113.66 PORT=4711 HELO=client.example.org IDENT=[UNAVAILABLE] PROTO=ESMTP SOURCE="},
		{"what is not known", "NAME=[UNAVAILABLE] ADDR=203.0.113.66", "HELO x", "XFORWARD NAME=[UNAVAILABLE] ADDR=203.0.113.66 PORT="},
		{"IPv6", "NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::77", "EHLO x", "XFORWARD NAME=[UNAVAILABLE] ADDR=IPv6:2001:db8::77 "},
		{"in two commands when it is long", "NAME=" + long + " ADDR=203.0.113.66", "EHLO " + long, "XFORWARD NAME=" + long + " ADDR=203.0.113.66 PORT="},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := x.posing(t, c.attributes, c.hello).Commands
			if !strings.HasPrefix(got[1], c.want) || len(got[1]) > 510 {
				t.Errorf("heard %q, want %q", got[1], c.want)
			}
			if two := strings.HasPrefix(got[2], "XFORWARD "); two != (len(c.hello) > 200) {
				t.Errorf("heard %q", got)
			}
		})
	}
	t.Run("two clients one after the other, over one connection to the second Postfix", func(t *testing.T) {
		x.posing(t, "NAME=[UNAVAILABLE] ADDR=203.0.113.3", "EHLO x") // opens the connection
		mark := x.site.Postfix.Log.Mark()
		for _, address := range []string{"203.0.113.1", "203.0.113.2"} {
			x.posing(t, "NAME=[UNAVAILABLE] ADDR="+address, "EHLO x")
			x.until(t, mark, `reinject/smtpd\[\d+\]: \w+: client=unknown\[127\.0\.0\.1\], orig_queue_id=\w{12}, orig_client=unknown\[`+address+`\]`)
		}
		if all := x.site.Postfix.Log.All(mark, `reinject/smtpd\[\d+\]: connect from`); len(all) > 0 {
			t.Errorf("not one connection: %q", all)
		}
	})
}

func (x *terms) testRest(t *testing.T) {
	t.Run("a filter that announces nothing is told nothing, and gets every parameter", x.testAnnounced)
	t.Run("a parameter that the second Postfix does not grant is refused in its words", x.testGranted)
	t.Run("time counts for each read alone", x.testDrip)
	t.Run("a first Postfix that has given up is noticed before the final dot", x.testGivenUp)
	t.Run("a filter that is away costs a retry", x.testAway)
	t.Run("a second Postfix that grants no XFORWARD gets the mail", x.testUntold)
	t.Run("a UNIX socket serves as well", x.testSocket)
	t.Run("soft_bounce and a footer are put on a refusal by Postfix", x.testSoft)
	t.Run("421 makes Postfix hang up on the client", x.test421)
	t.Run("what Postfix logs of a refusal has no client, and only one recipient", x.testLogged)
	t.Run("HOLD and REDIRECT have no effect before the queue", x.testHold)
}

func (x *terms) testAnnounced(t *testing.T) {
	hop := x.stand(t, &relaytest.Hop{Announce: []string{}})
	client := x.dial(t, "stand-in, lockstep")
	converse(t, client, "MAIL FROM:<kärol@example.org> SMTPUTF8 BODY=8BITMIME SIZE=100 RET=HDRS ENVID=x",
		"RCPT TO:<älice@example.net> NOTIFY=NEVER", "DATA", small, "< 250")
	r := hop.Report()
	got := r.Delivered()[0]
	if got.Mail != "<kärol@example.org> SMTPUTF8 BODY=8BITMIME SIZE=100 RET=HDRS ENVID=x" || got.Recipients[0] != "<älice@example.net> NOTIFY=NEVER" {
		t.Errorf("envelope %q %q", got.Mail, got.Recipients)
	}
	for _, command := range r.Commands {
		if strings.HasPrefix(command, "XFORWARD") {
			t.Errorf("heard %q", command)
		}
	}
}

// testGranted: AUTH= is taken even where nobody can log in, XVERP from those who
// may use it.
func (x *terms) testGranted(t *testing.T) {
	for parameter, want := range map[string]string{"AUTH=<>": "< 250 2.0.0 Ok: queued as", "XVERP": "< 555 5.5.4 "} {
		client := x.dial(t, "verp")
		converse(t, client, "> "+fromCarol+" "+parameter+"\r\n", "< 250", rcptAlice, "DATA", small, want)
		client.Close()
		if got := x.carried(t)[0].Argument("MAIL"); got != "<carol@example.org> "+parameter {
			t.Errorf("heard %q", got)
		}
	}
}

// testDrip: impatience is the limit, and the whole reply takes longer.
func (x *terms) testDrip(t *testing.T) {
	x.pretend(t, map[relaytest.Stage]relaytest.Fault{relaytest.Dot: {Drip: impatience / 30}})
	began := time.Now()
	begin(t, x.heard(t, "stand-in, impatient"), "250", "250", "354", "250 2.0.0 Ok: queued as")
	if took := time.Since(began); took < impatience {
		t.Errorf("the reply took %v: nothing was tried", took)
	}
}

// testGivenUp: the second Postfix takes its time about DATA, and the first one has
// told its client to come again before that time is over.
func (x *terms) testGivenUp(t *testing.T) {
	hop := x.pretend(t, map[relaytest.Stage]relaytest.Fault{relaytest.DATA: {Delay: impatience + 3*time.Second}})
	mark := x.site.Filter.Log.Mark()
	begin(t, x.heard(t, "impatient"), "250", "250", "354", "451 4.3.0 Error: queue file write error")
	if _, err := x.site.Filter.Log.Wait(within(t), mark, `action=defer, reason=gone`); err != nil {
		t.Error(err)
	}
	hop.Close()
	if r := hop.Report(); len(r.Transactions) != 1 || r.Transactions[0].Complete {
		t.Errorf("the second Postfix has %+v", r.Transactions)
	}
}

func (x *terms) testAway(t *testing.T) {
	mark := x.site.Postfix.Log.Mark()
	begin(t, x.heard(t, "nobody"), "451 4.3.0 Error: queue file write error", "451 4.3.0", "554 5.5.1")
	x.until(t, mark, `warning: connect to proxy filter 127\.0\.0\.1:1: Connection refused`)
}

func (x *terms) testUntold(t *testing.T) {
	mark := x.site.Postfix.Log.Mark()
	heard := x.heard(t, "untold")
	begin(t, heard, "250", "250", "354", "250 2.0.0 Ok: queued as")
	x.until(t, mark, `untold/smtpd\[\d+\]: `+queueID(t, heard[3])+`: client=unknown\[127\.0\.0\.1\]$`)
}

func (x *terms) testSocket(t *testing.T) {
	heard := x.heard(t, "socket")
	begin(t, heard, "250", "250", "354", "250 2.0.0 Ok: queued as")
	x.until(t, 0, queueID(t, heard[3])+`: removed`)
}

func (x *terms) testSoft(t *testing.T) {
	x.pretend(t, map[relaytest.Stage]relaytest.Fault{relaytest.Dot: {Reply: "550 5.7.1 spam"}})
	begin(t, x.heard(t, "stand-in, soft"), "250", "250", "354", "450 4.7.1 spam | 4.7.1 call us")
}

func (x *terms) test421(t *testing.T) {
	x.pretend(t, map[relaytest.Stage]relaytest.Fault{relaytest.Dot: {Reply: "421 4.7.1 later"}})
	client := x.dial(t, "stand-in, lockstep")
	converse(t, client, fromCarol, rcptAlice, "DATA", small, "< 421 4.7.1 later")
	if reply, err := client.Say("NOOP"); err == nil {
		t.Errorf("heard %v", reply)
	}
}

func (x *terms) testLogged(t *testing.T) {
	x.pretend(t, map[relaytest.Stage]relaytest.Fault{relaytest.Dot: {Reply: "550 5.7.1 on record"}})
	mark := x.site.Postfix.Log.Mark()
	x.heard(t, "stand-in, lockstep")
	line := x.until(t, mark, `proxy-reject: .*on record.*`)
	want := "proxy-reject: END-OF-MESSAGE: 550 5.7.1 on record; from=<carol@example.org> to=<alice@example.net> proto=ESMTP helo=<client.example.org>"
	if line != want {
		t.Errorf("logged %q, want %q", line, want)
	}
}

func (x *terms) testHold(t *testing.T) {
	for _, sender := range []string{"hold@example.org", "redirect@example.org"} {
		mark := x.site.Postfix.Log.Mark()
		client := x.dial(t, "access")
		converse(t, client, fmt.Sprintf("MAIL FROM:<%s>", sender), rcptAlice, "DATA", small, "< 250")
		client.Close()
		x.until(t, mark, `warning: access table .* is unavailable`)
		if got := x.carried(t)[0].Arguments("RCPT"); len(got) != 1 || got[0] != "<alice@example.net>" {
			t.Errorf("%s: recipients %q", sender, got)
		}
	}
}

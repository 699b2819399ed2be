//go:build integration

package integration

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"proxyfilter/integration/rig"
)

// converse plays a client word by word. "> " is sent as it stands, "< " waits for
// a reply that begins so; anything else is a command whose reply may be what it
// likes.
func converse(t *testing.T, c *rig.Client, steps ...string) {
	t.Helper()
	for _, step := range steps {
		if text, ok := strings.CutPrefix(step, "> "); ok {
			if _, err := c.Write([]byte(text)); err != nil {
				t.Fatalf("%.80q: %v", step, err)
			}
			continue
		}
		if want, ok := strings.CutPrefix(step, "< "); ok {
			if reply, err := c.Read(); err != nil || !strings.HasPrefix(reply.String(), want) {
				t.Fatalf("heard %v %v, want %s", reply, err, want)
			}
			continue
		}
		say(t, c, step)
	}
}

// What most conversations begin with, and a whole small message.
const (
	fromCarol = "MAIL FROM:<carol@example.org>"
	rcptAlice = "RCPT TO:<alice@example.net>"
	small     = "> Subject: x\r\n\r\nhello\r\n.\r\n"
	whole     = "EHLO XFORWARD MAIL RCPT DATA QUIT"
	brokenOff = "EHLO XFORWARD MAIL RCPT QUIT"
)

func (x *terms) testWire(t *testing.T) {
	for _, c := range []struct {
		name, front string
		steps       []string // after EHLO; then the client hangs up
		want        []string // verbs of each conversation with the filter
	}{
		{"a message is a conversation", "lockstep", []string{fromCarol, rcptAlice, "DATA", small, "< 250", "QUIT"}, []string{whole}},
		{"with speed_adjust, too", "adjusted", []string{fromCarol, rcptAlice, "DATA", small, "< 250", "QUIT"}, []string{whole}},
		{
			"two messages and a RSET are three conversations", "lockstep",
			[]string{fromCarol, rcptAlice, "RSET", fromCarol, rcptAlice, "DATA", small, "< 250", fromCarol, rcptAlice, "DATA", small, "< 250", "QUIT"},
			[]string{brokenOff, whole, whole},
		},
		{
			"what is sent ahead is passed on step by step", "lockstep",
			[]string{"> " + fromCarol + "\r\n" + rcptAlice + "\r\nDATA\r\n", "< 250", "< 250", "< 354", small, "< 250"},
			[]string{whole},
		},
		{
			"other commands are Postfix's own affair", "lockstep",
			[]string{"NOOP", "VRFY alice", "HELP", fromCarol, "NOOP", rcptAlice, "EXPN x", "DATA", small, "< 250"},
			[]string{whole},
		},
		{"BDAT becomes DATA", "lockstep", []string{fromCarol, rcptAlice, "> BDAT 6 LAST\r\na: b\r\n", "< 250"}, []string{whole}},
		{"a client that quits after its recipient", "lockstep", []string{fromCarol, rcptAlice, "QUIT"}, []string{brokenOff}},
		{"with speed_adjust nobody hears of him", "adjusted", []string{fromCarol, rcptAlice, "QUIT"}, nil},
		{"no recipient, no conversation", "lockstep", []string{fromCarol, "RCPT TO:<x@elsewhere.invalid>", "QUIT"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := x.dial(t, c.front)
			converse(t, client, c.steps...)
			client.Close()
			var got []string
			for _, conversation := range x.carried(t) {
				got = append(got, verbs(conversation))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("heard %q, want %q", got, c.want)
			}
		})
	}
	t.Run("envelope lines are passed on as they are, without refused recipients", x.testEnvelope)
	t.Run("what is broken off ends with QUIT and without a dot", x.testBrokenOff)
}

func (x *terms) testEnvelope(t *testing.T) {
	client := x.dial(t, "lockstep")
	converse(
		t, client, "mail from: carol@example.org   size=10", "RCPT TO:<x@elsewhere.invalid>",
		"rcpt  to:<@relay.example:alice@example.net> orcpt=x400;foo=bar@baz", "RCPT TO:<postmaster> NOTIFY=NEVER", "data", small, "< 250",
	)
	client.Close()
	got := x.carried(t)[0].Commands[2:]
	want := []string{"mail from: carol@example.org   size=10", "rcpt  to:<@relay.example:alice@example.net> orcpt=x400;foo=bar@baz", "RCPT TO:<postmaster> NOTIFY=NEVER", "data", "QUIT"}
	if !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
}

// testBrokenOff: three ways in which content ends before its end. Nothing of it is
// delivered, and the record says why.
func (x *terms) testBrokenOff(t *testing.T) {
	id := uniqueID(t)
	top := fmt.Sprintf("> Message-ID: %s\r\n\r\nhalf", id)
	opening := []string{fromCarol, rcptAlice, "DATA", top}
	for _, c := range []struct {
		name, front string
		steps       []string
	}{
		{"the client hangs up", "lockstep", nil},
		{"it is larger than Postfix allows", "small", []string{"> " + text(20000) + ".\r\n", "< 552 5.3.4"}},
		{"a bare newline that Postfix forbids", "strict", []string{"> a\nb\r\n.\r\n", "< 550 5.5.2"}},
	} {
		mark := x.site.Filter.Log.Mark()
		client := x.dial(t, c.front)
		converse(t, client, append(opening, c.steps...)...)
		client.Close()
		all := x.carried(t)
		if len(all) != 1 || all[0].Ended || !bytes.HasSuffix(all[0].Content, []byte("QUIT\r\n")) {
			t.Errorf("%s: carried %v", c.name, all)
		}
		if _, err := x.site.Filter.Log.Wait(within(t), mark, `action=defer, reason=aborted`); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if n := queued(t, x.site, id); n != 0 {
		t.Errorf("queued %d times", n)
	}
	mark := x.site.Postfix.Log.Mark()
	client := x.dial(t, "adjusted")
	converse(t, client, opening...)
	client.Close()
	x.until(t, mark, `lost connection after DATA`)
	if all := x.carried(t); len(all) > 0 {
		t.Errorf("with speed_adjust: carried %v", all)
	}
}

func (x *terms) testContent(t *testing.T) {
	const header = "Subject: x\r\n\r\n"
	for _, c := range []struct {
		name, front, mail string
		say               []string // from DATA on
		begins, ends      string
	}{
		{"Postfix's Received field is on top, and names a single recipient", "lockstep", fromCarol, []string{"DATA", "> " + header + ".\r\n"}, "Received: from client.example.org (unknown [127.0.0.2])\r\n\tby mx.example.net (Postfix) with ESMTP\r\n\tfor <alice@example.net>; ", "\r\n" + header},
		{"fields from access tables are above it", "access", "MAIL FROM:<prepend@example.org>", []string{"DATA", "> " + header + ".\r\n"}, "X-From-P: yes\r\nReceived: from ", header},
		{"a first line that begins with a blank gets an empty line above", "lockstep", fromCarol, []string{"DATA", ">  x\r\n.\r\n"}, "Received: ", "\r\n\r\n x\r\n"},
		{"no content at all is that field alone", "lockstep", fromCarol, []string{"DATA", "> .\r\n"}, "Received: ", "(UTC)\r\n"},
		{"a leading From line becomes a field", "lockstep", fromCarol, []string{"DATA", "> From carol Mon\r\n" + header + ".\r\n"}, "Received: ", "\r\nX-Mailbox-Line: From carol Mon\r\n" + header},
		{"dots stay stuffed, and a dot that was not stays alone", "lockstep", fromCarol, []string{"DATA", "> " + header + "..a\r\n.b\r\n...\r\n.\r\n"}, "", header + "..a\r\n.b\r\n...\r\n"},
		{"NUL, 8-bit text and a bare CR pass", "lockstep", fromCarol, []string{"DATA", "> " + header + "a\x00\xff\rb\r\n.\r\n"}, "", header + "a\x00\xff\rb\r\n"},
		{"a bare LF becomes CRLF", "lockstep", fromCarol, []string{"DATA", "> " + header + "a\nb\r\n.\r\n"}, "", header + "a\r\nb\r\n"},
		{"CRs before CRLF pass when bare newlines are normalized", "lockstep", fromCarol, []string{"DATA", "> " + header + "a\r\r\n.\r\r\n.\r\n"}, "", header + "a\r\r\n.\r\r\n"},
		{"and are dropped when they are not looked at", "raw", fromCarol, []string{"DATA", "> " + header + "a\r\r\nb\r\n.\r\n"}, "", header + "a\r\nb\r\n"},
		{"a long line is one line", "lockstep", fromCarol, []string{"DATA", "> " + header + strings.Repeat("x", 5000) + "\r\n.\r\n"}, "", header + strings.Repeat("x", 5000) + "\r\n"},
		{"BDAT is stuffed, and a last line without end gets it", "lockstep", fromCarol, []string{"> BDAT 21 LAST\r\n" + header + ".a\r\nb\nc"}, "", header + "..a\r\nb\r\nc\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := x.dial(t, c.front)
			converse(t, client, append(append([]string{c.mail, rcptAlice}, c.say...), "< 250")...)
			client.Close()
			all := x.carried(t)
			if len(all) != 1 || !all[0].Ended {
				t.Fatalf("carried %v", all)
			}
			if got := string(all[0].Content); !strings.HasPrefix(got, c.begins) || !strings.HasSuffix(got, c.ends) {
				t.Errorf("content is %q, want %q … %q", got, c.begins, c.ends)
			}
		})
	}
}

//go:build integration

package integration

import (
	"regexp"
	"strings"
	"testing"

	"proxyfilter/integration/rig"
)

// hearFirst reads from the wires what the first Postfix sent. No two messages
// have the same sender.
func (o *outcome) hearFirst(t *testing.T) {
	o.sent = make(map[string]rig.Conversation)
	for _, w := range o.ways {
		conversations, err := w.tap.Conversations(within(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range conversations {
			sender := path(c.Argument("MAIL"))
			if c.Ended || !w.careful { // our program does not pass on what was broken off
				o.tell(w.behind, c.Commands)
			}
			if !c.Ended {
				continue
			}
			if _, twice := o.sent[sender]; twice {
				t.Errorf("%s: the first Postfix sent the message of %s twice", w, sender)
			}
			o.sent[sender] = c
		}
	}
}

func (o *outcome) tell(behind string, commands []string) {
	if o.told[behind] == nil {
		o.told[behind] = make(map[string]int)
	}
	for _, line := range commands {
		switch verb, _, _ := strings.Cut(strings.ToLower(line), " "); verb {
		case "mail", "rcpt", "data":
			o.told[behind][verb]++
		}
	}
}

// path is the address in the argument of MAIL or RCPT.
func path(argument string) string {
	address, _, _ := strings.Cut(strings.TrimSpace(argument), " ")
	return strings.Trim(address, "<>")
}

var (
	fromLine   = regexp.MustCompile(`qmgr\[\d+\]: (\w+): from=<([^>]*)>, size=`)
	clientLine = regexp.MustCompile(`(postfix/\w+)/smtpd\[\d+\]: (\w+): client=`)
	elsewhere  = regexp.MustCompile(`(\w+): to=<[^>]*@elsewhere\.invalid>, .*status=sent`)
	receivedAs = regexp.MustCompile(`\sby mx\.example\.net \(Postfix\) with E?SMTP id (\w+)`)
)

// hearSecond reads from the log and the mailbox what the second Postfix queued.
// When a last message is done with, all that was queued before it is active, and
// in the log.
func (o *outcome) hearSecond(t *testing.T) {
	ctx, log := within(t), o.site.Postfix.Log
	last := queueID(t, visit{content: message(uniqueID(t), "last\r\n")}.deliver(t, o.site.Postfix.Front).String())
	o.tell("postfix/reinject", []string{"MAIL", "RCPT", "DATA"})
	if _, err := log.Wait(ctx, 0, last+`: removed`); err != nil {
		t.Fatal(err)
	}
	byID, senders := make(map[string]arrival), make(map[string]string)
	for _, line := range log.All(0, fromLine.String()) {
		match := fromLine.FindStringSubmatch(line)
		senders[match[1]] = match[2]
	}
	delete(senders, last)
	for id := range senders {
		if _, err := log.Wait(ctx, 0, `qmgr\[\d+\]: `+id+`: removed`); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range log.All(0, clientLine.String()) {
		match := clientLine.FindStringSubmatch(line)
		byID[match[2]] = arrival{behind: match[1]}
	}
	for _, line := range log.All(0, elsewhere.String()) {
		id := elsewhere.FindStringSubmatch(line)[1]
		a := byID[id]
		a.relayed = true
		byID[id] = a
	}
	o.openMailbox(t, byID)
	o.arrived = make(map[string]arrival)
	for id, sender := range senders {
		if _, twice := o.arrived[sender]; twice {
			t.Errorf("the message of <%s> was queued twice", sender)
		}
		o.arrived[sender] = byID[id]
	}
}

func (o *outcome) openMailbox(t *testing.T, byID map[string]arrival) {
	mails, err := o.site.Postfix.Mailbox()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mails {
		if match := receivedAs.FindSubmatch(m.Raw); match != nil {
			a := byID[string(match[1])]
			a.mails = append(a.mails, m)
			byID[string(match[1])] = a
		}
	}
}

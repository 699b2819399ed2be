//go:build integration

package integration

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"proxyfilter/integration/rig"
)

// refusal is what the sender of spam reads.
var refusal = regexp.MustCompile(`550 5\.7\.1 Message refused: it looks like spam \(ref ([0-9A-Z]{12})\)`)

func TestSpamIsRefusedWhileTheClientWaitsAndIsNotQueued(t *testing.T) {
	s := shared(t)
	for way, front := range fronts(s) {
		for _, sender := range rig.Senders() {
			t.Run(way+" from "+sender.Name, func(t *testing.T) {
				id := uniqueID(t)
				var said bytes.Buffer
				err := sender.Send(within(t), front, rig.Letter{From: "carol@example.org", To: []string{"alice@example.net"}, Content: message(id, gtube+"\r\n")}, &said)
				// smtplib prints the code and the text apart.
				text := strings.ReplaceAll(said.String(), "reply: b'", "")
				match := refusal.FindStringSubmatch(text)
				if err == nil || match == nil {
					t.Fatalf("%v: not refused with our text:\n%s", err, text)
				}
				if _, err := s.Filter.Log.Wait(within(t), 0, match[1]); err != nil {
					t.Error(err)
				}
				if n := queued(t, s, id); n != 0 {
					t.Errorf("queued %d times, want never", n)
				}
			})
		}
	}
}

func TestSpamOfOnesOwnHostIsMarkedAndNotRefused(t *testing.T) {
	s := shared(t)
	for way, front := range fronts(s) {
		t.Run(way, func(t *testing.T) {
			reply := visit{from: "127.0.0.1", content: message(uniqueID(t), gtube+"\r\n")}.deliver(t, front)
			mails, err := s.Postfix.Delivered(within(t), queueID(t, reply.String()))
			if err != nil || len(mails) != 1 {
				t.Fatal(len(mails), err)
			}
			if !bytes.Contains(mails[0].Raw, []byte("\nX-Spam-Flag: YES\n")) {
				t.Errorf("not marked:\n%s", mails[0].Raw)
			}
		})
	}
}

func TestForgedSpamFieldsDoNotArrive(t *testing.T) {
	s := shared(t)
	body := message(uniqueID(t), "hello\r\n")
	forged := append([]byte("X-Spam-Flag: YES\r\nX-Spam-Status: Yes, score=99\r\n folded\r\nX-Spam-Report: forged\r\n"), body...)
	reply := visit{content: forged}.deliver(t, s.Postfix.Front)
	arrivedOnce(t, s, queueID(t, reply.String()), body)
}

// refusesBob is a second Postfix that takes no mail for one recipient.
func refusesBob(master string) string {
	return strings.Replace(master, "smtpd_recipient_restrictions=permit_mynetworks,reject",
		"smtpd_recipient_restrictions=check_recipient_access,inline:{bob@example.net=reject},permit_mynetworks,reject", 1)
}

var threeRecipients = []string{"RCPT TO:<alice@example.net>", "RCPT TO:<bob@example.net>", "RCPT TO:<dave@example.net>"}

func TestWithConnectAtMailOneOfThreeRecipientsIsRefusedByItself(t *testing.T) {
	s := own(t, rig.Options{
		Postfix: rig.PostfixOptions{Edit: refusesBob},
		Filter:  rig.FilterOptions{Set: []string{"relay.connect=at-mail"}},
	})
	c, replies := visit{rcpts: threeRecipients}.pay(t, s.Postfix.Lockstep)
	for i, want := range []int{250, 554, 250} {
		if replies[i].Code != want {
			t.Errorf("%s: %v, want %d", threeRecipients[i], replies[i], want)
		}
	}
	content := message(uniqueID(t), "hello\r\n")
	reply, err := c.Data(content)
	if err != nil {
		t.Fatal(err)
	}
	mails, err := s.Postfix.Delivered(within(t), queueID(t, reply.String()))
	if err != nil || len(mails) != 2 {
		t.Fatalf("%d copies, want 2 (%v)", len(mails), err)
	}
	for _, m := range mails {
		if m.Recipient == "bob@example.net" {
			t.Error("a copy for the refused recipient")
		}
	}
}

func TestAfterTheVerdictARefusedRecipientRefusesTheMessageWithTheNextHopsWords(t *testing.T) {
	s := own(t, rig.Options{Postfix: rig.PostfixOptions{Edit: refusesBob}})
	for way, front := range fronts(s) {
		t.Run(way, func(t *testing.T) {
			id := uniqueID(t)
			reply := visit{rcpts: threeRecipients, content: message(id, "hello\r\n")}.deliver(t, front)
			if reply.Code != 554 || !strings.Contains(reply.Text, "bob@example.net") {
				t.Errorf("reply is %v", reply)
			}
			if n := queued(t, s, id); n != 0 {
				t.Errorf("queued %d times, want never", n)
			}
		})
	}
}

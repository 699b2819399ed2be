//go:build integration

package integration

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"proxyfilter/integration/rig"
)

func TestHarmlessMailArrivesOnceByteForByteAndIsFoundInBothLogs(t *testing.T) {
	s := shared(t)
	for name, front := range fronts(s) {
		for _, sender := range rig.Senders() {
			t.Run(name+" from "+sender.Name, func(t *testing.T) {
				id := uniqueID(t)
				l := rig.Letter{From: "carol@example.org", To: []string{"alice@example.net"}, Content: message(id, "Noon?\r\n.dot\r\n..\r\n")}
				var said bytes.Buffer
				if err := sender.Send(within(t), front, l, &said); err != nil {
					t.Fatal(err, said.String())
				}
				queue := queueID(t, said.String())
				arrivedOnce(t, s, queue, l.Content)
				if n := queued(t, s, id); n != 1 {
					t.Errorf("queued %d times, want once", n)
				}
				sameReference(t, s, queue)
			})
		}
	}
}

// sameReference checks that the second Postfix logged the client, and the
// reference under which proxyfilter logged the same message.
func sameReference(t *testing.T, s *rig.Site, queue string) {
	t.Helper()
	match, err := s.Postfix.Log.Wait(within(t), 0, `reinject/smtpd\[\d+\]: `+queue+`: client=\S+, orig_queue_id=(\w+), orig_client=unknown\[(\S+)\]`)
	if err != nil {
		t.Fatal(err)
	}
	if match[2] != rig.Stranger {
		t.Errorf("orig_client is %s, want %s", match[2], rig.Stranger)
	}
	if _, err := s.Filter.Log.Wait(within(t), 0, match[1]+`.*`+queue); err != nil {
		t.Error(err)
	}
}

func TestUnusualEnvelopesReachTheNextHopAsTheyAre(t *testing.T) {
	s := shared(t)
	for _, c := range []struct{ name, mail, rcpt, arrivesFor, from string }{
		{"the null sender", "MAIL FROM:<>", "RCPT TO:<alice@example.net>", "alice@example.net", ""},
		{"postmaster without a domain", "", "RCPT TO:<postmaster>", "postmaster", "carol@example.org"},
		{"a quoted local part with a blank", "", `RCPT TO:<"al ice"@example.net>`, `"al ice"@example.net`, "carol@example.org"},
		{"a quoted local part with a bracket", "", `RCPT TO:<"bob> ORCPT=rfc822;x"@example.net>`, `"bob> ORCPT=rfc822;x"@example.net`, "carol@example.org"},
		{"SMTPUTF8", "MAIL FROM:<kärol@example.org> SMTPUTF8", "RCPT TO:<älice@example.net>", "älice@example.net", "kärol@example.org"},
		{"DSN parameters", "MAIL FROM:<carol@example.org> RET=HDRS ENVID=ab+2bcd", "RCPT TO:<alice@example.net> NOTIFY=SUCCESS ORCPT=rfc822;Alice@example.net", "alice@example.net", "carol@example.org"},
		{"lower case and a source route", "mail from:<carol@example.org> body=8bitmime size=100", "rcpt to:<@relay.example,@other.example:alice@example.net>", "alice@example.net", "carol@example.org"},
	} {
		for way, front := range fronts(s) {
			t.Run(c.name+" "+way, func(t *testing.T) {
				content := message(uniqueID(t), "hello\r\n")
				reply := visit{mail: c.mail, rcpts: []string{c.rcpt}, content: content}.deliver(t, front)
				queue := queueID(t, reply.String())
				mail := arrivedOnce(t, s, queue, content)
				if mail.Recipient != c.arrivesFor {
					t.Errorf("arrived for %q, want %q", mail.Recipient, c.arrivesFor)
				}
				if got := s.Postfix.Log.All(0, queue+`: from=<`+regexp.QuoteMeta(c.from)+`>`); len(got) != 1 {
					t.Errorf("the sender is not %q in the log", c.from)
				}
				if strings.Contains(c.rcpt, "NOTIFY=SUCCESS") {
					if _, err := s.Postfix.Log.Wait(within(t), 0, queue+`: sender delivery status notification`); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

func TestUnusualContentArrivesAfterHygieneOnly(t *testing.T) {
	s := shared(t)
	long := strings.Repeat("long line ", 500)
	for _, c := range []struct{ name, sent, arrives string }{
		{"a line of 5000 bytes", long + "\r\n", long + "\r\n"},
		{"a body that ends in CR CR LF", "end\r\r\n", "end\r\n"},
		{"a bare CR", "a\rb\r\n", "a b\r\n"},
		{"a line of dots", "..\r\n...\r\n", ".\r\n..\r\n"},
		{"8-bit text and NUL", "\xff\xfe \x00 ä\r\n", "\xff\xfe \x00 ä\r\n"},
		{"no body", "", ""},
		{"a From line in the body", "From here\r\n>From there\r\n", "From here\r\n>From there\r\n"},
	} {
		for way, front := range fronts(s) {
			t.Run(c.name+" "+way, func(t *testing.T) {
				header := string(message(uniqueID(t), ""))
				reply := visit{content: []byte(header + c.sent)}.deliver(t, front)
				arrivedOnce(t, s, queueID(t, reply.String()), []byte(header+c.arrives))
			})
		}
	}
}

func TestMessagesOfEverySizeArriveByteForByte(t *testing.T) {
	s := own(t, rig.Options{})
	for _, size := range []int{1 << 10, 64 << 10, 256<<10 - 1, 256<<10 + 1, 1 << 20, 9 << 20, 50 << 20} {
		t.Run(fmt.Sprintf("%d bytes", size), func(t *testing.T) {
			content := message(uniqueID(t), text(size))
			reply := visit{content: content}.deliver(t, s.Postfix.Front)
			mails, err := s.Postfix.Delivered(within(t), queueID(t, reply.String()))
			if err != nil || len(mails) != 1 {
				t.Fatal(len(mails), err)
			}
			if _, err := mails[0].Added(content); err != nil {
				t.Error(err)
			}
		})
	}
}

// text is printable noise in lines, of about that size, without dots.
func text(size int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
	source := rand.New(rand.NewPCG(1, uint64(size)))
	b := make([]byte, 0, size+80)
	for len(b) < size {
		for range 76 {
			b = append(b, letters[source.IntN(len(letters))])
		}
		b = append(b, "\r\n"...)
	}
	return string(b)
}

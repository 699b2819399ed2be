//go:build integration

package integration

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"proxyfilter/integration/rig"
)

// scoring are rules for a spamd that gives a body the score it asks for.
const scoring = `
body PF_TWELVE /give it twelve points/
score PF_TWELVE 12
body PF_TWENTY /give it twenty points/
score PF_TWENTY 20
`

// knows is a name server with the key of each domain, and its private part.
func knows(t *testing.T, domains ...string) (*rig.Resolver, crypto.Signer) {
	t.Helper()
	rig.Need(t, "unshare")
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig.Resolver{TXT: map[string]string{}}
	for _, d := range domains {
		r.TXT["s._domainkey."+d] = "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	}
	if err = r.Start(within(t)); errors.Is(err, rig.ErrForbidden) {
		rig.Cannot(t, "%v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r, key
}

// signedBy is content with a signature over its List-Id.
func signedBy(t *testing.T, key crypto.Signer, domain string, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	err := dkim.Sign(&out, bytes.NewReader(content), &dkim.SignOptions{
		Domain: domain, Selector: "s", Signer: key, HeaderKeys: []string{"From", "Subject", "Message-ID", "List-Id"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSignedMailOfAListHasALimitOfItsOwn(t *testing.T) {
	resolver, key := knows(t, "lists.example", "other.example")
	s := alone(t, rig.Options{Spamd: rig.SpamdOptions{Rules: scoring}, Filter: rig.FilterOptions{Resolver: resolver}})
	list := func(points string) []byte {
		return append([]byte("List-Id: Gardeners <roses.lists.example>\r\n"), message(uniqueID(t), "Please give it "+points+" points.\r\n")...)
	}
	for _, test := range []struct {
		name    string
		content []byte
		code    int
		log     string
	}{
		{"signed by the list, below lists_reject_at", signedBy(t, key, "lists.example", list("twelve")), 250, `action=tag, reason=score, .*lists="mailing_list roses.lists.example"`},
		{"signed by the list, above it", signedBy(t, key, "lists.example", list("twenty")), 550, `action=reject, reason=score`},
		{"signed by somebody else", signedBy(t, key, "other.example", list("twelve")), 550, `action=reject, reason=score`},
		{"signed by a domain without a key", signedBy(t, key, "example", list("twelve")), 550, `action=reject, reason=score`},
		{"changed on its way", bytes.Replace(signedBy(t, key, "lists.example", list("twelve")), []byte("Please"), []byte("Do not"), 1), 550, `action=reject, reason=score`},
		{"not signed", list("twelve"), 550, `action=reject, reason=score`},
		{"signed, and of no list", signedBy(t, key, "lists.example", message(uniqueID(t), "Please give it twelve points.\r\n")), 550, `action=reject, reason=score`},
	} {
		t.Run(test.name, func(t *testing.T) {
			mark := s.Filter.Log.Mark()
			reply := visit{content: test.content}.deliver(t, s.Postfix.Front)
			if reply.Code != test.code {
				t.Errorf("told %v, want %d", reply, test.code)
			}
			if _, err := s.Filter.Log.Wait(within(t), mark, test.log); err != nil {
				t.Error(err)
			}
			if reply.Code != 250 {
				return
			}
			if mails, err := s.Postfix.Delivered(within(t), queueID(t, reply.String())); err != nil || len(mails) != 1 || !bytes.Contains(mails[0].Raw, []byte("X-Spam-Flag: YES")) {
				t.Errorf("%d copies, %v", len(mails), err)
			}
		})
	}
}

func TestListedRecipientsThroughPostfix(t *testing.T) {
	lists := []string{"lists.accept_recipients=desk@example.net", "lists.refuse_recipients=void@example.net", "policy.recipient_delimiter=+"}
	for mixed, want := range map[string]map[string]int{
		"lenient": {"desk+x": 250, "void": 550, "alice": 550, "alice desk": 250, "alice void": 550, "void desk": 250},
		"strict":  {"desk": 250, "void+x": 550, "alice desk": 550, "desk void": 550},
	} {
		s := own(t, rig.Options{Filter: rig.FilterOptions{Set: append(lists, "policy.mixed="+mixed)}})
		for to, code := range want {
			t.Run(mixed+" "+to, func(t *testing.T) {
				var rcpts, recipients []string
				for user := range strings.FieldsSeq(to) {
					rcpts, recipients = append(rcpts, "RCPT TO:<"+user+"@example.net>"), append(recipients, user+"@example.net")
				}
				id := uniqueID(t)
				reply := visit{rcpts: rcpts, content: message(id, gtube+"\r\n")}.deliver(t, s.Postfix.Front)
				if reply.Code != code {
					t.Fatalf("told %v, want %d", reply, code)
				}
				if code != 250 {
					if n := queued(t, s, id); n != 0 {
						t.Errorf("%d copies are in the queue", n)
					}
					return
				}
				mails, err := s.Postfix.Delivered(within(t), queueID(t, reply.String()))
				if err != nil || len(mails) != len(recipients) {
					t.Fatalf("%d have the mail: %v", len(mails), err)
				}
				for _, m := range mails {
					if !slices.Contains(recipients, m.Recipient) {
						t.Errorf("%s has it", m.Recipient)
					}
				}
			})
		}
	}
}

// TestAHostThatForwardsIsNamedAndThenSpared is what an administrator sees and does.
func TestAHostThatForwardsIsNamedAndThenSpared(t *testing.T) {
	const forwarder = "NAME=mx2.example.org ADDR=203.0.113.9 PORT=4711"
	from := func(s *rig.Site, n string) rig.Reply {
		received := "Received: from origin" + n + ".example (origin [198.51.100.7])\r\n\tby mx2.example.org (Postfix) with ESMTP id 1;\r\n\tThu, 26 Nov 2026 10:00:00 +0000\r\n"
		return visit{
			xclient: forwarder, mail: "MAIL FROM:<a@origin" + n + ".example>", content: append([]byte(received), message(uniqueID(t), gtube+"\r\n")...),
		}.deliver(t, s.Postfix.Front)
	}
	s := own(t, rig.Options{Postfix: rig.PostfixOptions{Impersonate: true}})
	for _, n := range []string{"1", "2", "3"} {
		if reply := from(s, n); reply.Code != 550 {
			t.Fatalf("told %v", reply)
		}
	}
	awaitReport(t, s, 3)
	out, err := s.Run(within(t), "report")
	if err != nil || !strings.Contains(out, "Hosts that seem to hand on mail of others") || !strings.Contains(out, "203.0.113.9 mx2.example.org") {
		t.Errorf("%v\n%s", err, out)
	}
	s = own(t, rig.Options{Postfix: rig.PostfixOptions{Impersonate: true}, Filter: rig.FilterOptions{Set: []string{"policy.forwarders=203.0.113.9"}}})
	if reply := from(s, "1"); reply.Code != 250 {
		t.Errorf("told %v", reply)
	}
}

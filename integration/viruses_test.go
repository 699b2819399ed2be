//go:build integration

package integration

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"proxyfilter/integration/rig"
)

// withClamd is a site with a clamd of its own.
func withClamd(t *testing.T, set ...string) *rig.Site {
	t.Helper()
	rig.Need(t, "clamd")
	return own(t, rig.Options{Clamd: &rig.ClamdOptions{}, Filter: rig.FilterOptions{Set: set}})
}

// infected is a message with EICAR's test file in an attachment.
func infected(id string) []byte {
	head, _, _ := bytes.Cut(message(id, ""), []byte("\r\n\r\n"))
	return append(head, []byte("\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n"+
		"--x\r\nContent-Type: application/octet-stream; name=\"a.com\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"+
		base64.StdEncoding.EncodeToString([]byte(rig.EICAR()))+"\r\n--x--\r\n")...)
}

var virusRefusal = regexp.MustCompile(`550 5\.7\.1 Message refused: it contains Eicar-Test-Signature\.UNOFFICIAL \(ref ([0-9A-Z]{12})\)`)

func TestAVirusIsRefusedWithItsNameWhileTheClientWaits(t *testing.T) {
	s := withClamd(t)
	for way, front := range fronts(s) {
		for from, client := range map[string]string{"a stranger": rig.Stranger, "this host": "127.0.0.1"} {
			t.Run(way+" from "+from, func(t *testing.T) {
				id := uniqueID(t)
				reply := visit{from: client, content: infected(id)}.deliver(t, front)
				match := virusRefusal.FindStringSubmatch(reply.String())
				if match == nil {
					t.Fatalf("not refused with our text: %v", reply)
				}
				logged, err := s.Filter.Log.Wait(within(t), 0, ".*"+match[1]+": .*")
				line := strings.Join(logged, "")
				if err != nil || !strings.Contains(line, "reason=virus") || !strings.Contains(line, "virus="+rig.EICARName) || !strings.Contains(line, "score=") {
					t.Errorf("%v: %s", err, line)
				}
				if n := queued(t, s, id); n != 0 {
					t.Errorf("queued %d times, want never", n)
				}
				holds(t, explained(t, s, match[1]), "found a virus", rig.EICARName)
			})
		}
		t.Run(way+" other mail is carried", func(t *testing.T) {
			content := message(uniqueID(t), "hello\r\n")
			arrivedOnce(t, s, queueID(t, visit{content: content}.deliver(t, front).String()), content)
		})
	}
}

func TestWithoutClamdMailIsDeferredAndTakenOnceClamdIsBack(t *testing.T) {
	s := withClamd(t, append(quick().Set, "clamd.timeout=2s")...)
	if err := s.Clamd.Stop(); err != nil {
		t.Fatal(err)
	}
	for way, front := range fronts(s) {
		t.Run(way, func(t *testing.T) {
			id := uniqueID(t)
			deferred(t, s, visit{content: message(id, "hello\r\n")}.deliver(t, front), id, "451 4.7.1 ")
			id = uniqueID(t)
			if reply := (visit{content: message(id, gtube+"\r\n")}).deliver(t, front); !refusal.MatchString(reply.String()) {
				t.Errorf("spam: %v", reply)
			}
		})
	}
	if err := s.Clamd.Start(within(t)); err != nil {
		t.Fatal(err)
	}
	content := message(uniqueID(t), "hello again\r\n")
	arrivedOnce(t, s, queueID(t, visit{content: content}.deliver(t, s.Postfix.Front).String()), content)
}

func TestWhereItIsWrittenDownVirusesAreMarkedAndADeadClamdIsMissed(t *testing.T) {
	s := withClamd(t, append(quick().Set, "clamd.timeout=2s", "policy.virus=tag", "clamd.on_scan_failure=accept")...)
	arrives := func(content []byte, want string) {
		t.Helper()
		reply := visit{content: content}.deliver(t, s.Postfix.Front)
		mails, err := s.Postfix.Delivered(within(t), queueID(t, reply.String()))
		if err != nil || len(mails) != 1 {
			t.Fatal(len(mails), err)
		}
		unfolded := regexp.MustCompile(`\n[ \t]+`).ReplaceAll(mails[0].Raw, []byte(" "))
		if !regexp.MustCompile(want).Match(unfolded) {
			t.Errorf("no %s in\n%s", want, mails[0].Raw)
		}
	}
	arrives(infected(uniqueID(t)), `(?m)^X-Spam-Flag: YES$[\s\S]*^X-Spam-Status: Yes, .*Eicar-Test-Signature\.UNOFFICIAL.* virus `)
	if err := s.Clamd.Stop(); err != nil {
		t.Fatal(err)
	}
	arrives(message(uniqueID(t), "hello\r\n"), `(?m)^X-Spam-Status: No, .* virus_unscanned=unreachable `)
}

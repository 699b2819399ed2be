//go:build integration

package integration

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"proxyfilter/integration/rig"
)

func TestWhenSpamdHangsTheAnswerComesInTimeAndNothingIsQueued(t *testing.T) {
	quicker := rig.FilterOptions{Set: append(quick().Set, "budget.verdict=3s")} // no scan needs time here
	s := alone(t, rig.Options{Filter: quicker})
	s.Spamd.Pause()
	defer s.Spamd.Resume()
	for way, front := range fronts(s) {
		t.Run(way, func(t *testing.T) {
			id, began := uniqueID(t), time.Now()
			deferred(t, s, visit{content: message(id, "hello\r\n")}.deliver(t, front), id, "451 4.7.1 ")
			// Above budget.verdict is what a loaded machine needs; who waits for
			// budget.commit waits longer.
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("the answer took %v", took)
			}
		})
	}
}

func TestWhatTheMessageItselfForbidsIsRefusedForGood(t *testing.T) {
	s := own(t, rig.Options{Filter: rig.FilterOptions{Set: []string{"server.max_message=100KB"}}})
	hop := "Received: from a.example by b.example; Sat, 21 Nov 2026 12:00:00 +0000\r\n"
	for _, c := range []struct{ name, top, body, want string }{
		{"too big", "", text(200 << 10), "552 5.3.4 "},
		{"going in circles", strings.Repeat(hop, 60), "hello\r\n", "554 5.4.6 "},
	} {
		for way, front := range fronts(s) {
			t.Run(c.name+" "+way, func(t *testing.T) {
				id := uniqueID(t)
				content := append([]byte(c.top), message(id, c.body)...)
				deferred(t, s, visit{content: content}.deliver(t, front), id, c.want)
			})
		}
	}
}

func TestTheNextHopsOwnRefusalOfTheContentReachesTheClient(t *testing.T) {
	s := own(t, rig.Options{Postfix: rig.PostfixOptions{Edit: func(master string) string {
		return strings.Replace(master, "smtpd_end_of_data_restrictions=\n", "smtpd_end_of_data_restrictions=reject\n", 1)
	}}})
	for way, front := range fronts(s) {
		t.Run(way, func(t *testing.T) {
			id := uniqueID(t)
			reply := visit{content: message(id, "hello\r\n")}.deliver(t, front)
			if !strings.HasPrefix(reply.String(), "554 5.7.1 ") || !strings.Contains(reply.Text, "END-OF-MESSAGE") {
				t.Errorf("reply is %v, want the second Postfix's 554", reply)
			}
		})
	}
}

func TestInObserveModeSpamIsCarriedMarkedAndRecorded(t *testing.T) {
	s := own(t, rig.Options{Filter: rig.FilterOptions{Set: []string{"policy.mode=observe"}}})
	reply := visit{content: message(uniqueID(t), gtube+"\r\n")}.deliver(t, s.Postfix.Front)
	queue := queueID(t, reply.String())
	mails, err := s.Postfix.Delivered(within(t), queue)
	if err != nil || len(mails) != 1 {
		t.Fatal(len(mails), err)
	}
	if !bytes.Contains(mails[0].Raw, []byte("\nX-Spam-Flag: YES\n")) {
		t.Errorf("not marked:\n%s", mails[0].Raw)
	}
	if _, err := s.Filter.Log.Wait(within(t), 0, `would=reject.*`+queue); err != nil {
		t.Error(err)
	}
}

// flood sends messages from 20 sessions at once, with Postfix's own generator,
// and counts what was accepted and what arrived.
func flood(t *testing.T, s *rig.Site, front string, messages string) (accepted, arrived int) {
	t.Helper()
	before, err := s.Postfix.Mailbox()
	if err != nil {
		t.Fatal(err)
	}
	mark := s.Postfix.Log.Mark()
	cmd := exec.CommandContext(within(t), rig.Program("smtp-source"), "-s", "20", "-m", messages, "-l", "4000",
		"-f", "carol@example.org", "-t", "alice@example.net", front)
	cmd.Env = append(os.Environ(), "MAIL_CONFIG="+s.Dir+"/postfix/etc")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("smtp-source: %v: %s", err, out)
	}
	lines, err := s.Postfix.Logged(within(t), `proxy-accept`)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if _, err := s.Postfix.Log.Wait(within(t), 0, queueID(t, line)+": removed"); err != nil {
			t.Fatal(err)
		}
	}
	after, err := s.Postfix.Mailbox()
	if err != nil {
		t.Fatal(err)
	}
	return len(s.Postfix.Log.All(mark, `proxy-accept`)), len(after) - len(before)
}

func TestMessagesAtOnceAllArriveOnce(t *testing.T) {
	rig.Need(t, "smtp-source")
	s := own(t, rig.Options{})
	for _, c := range []struct {
		name, messages string
		want           int
	}{{"twenty", "20", 20}, {"a flood of two hundred", "200", 200}} {
		for way, front := range fronts(s) {
			t.Run(c.name+" "+way, func(t *testing.T) {
				accepted, arrived := flood(t, s, front, c.messages)
				if accepted != c.want || arrived != c.want {
					t.Errorf("%d accepted and %d arrived, want %d", accepted, arrived, c.want)
				}
			})
		}
	}
}

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"proxyfilter/filter/spamd/spamdtest"
)

// client hands one message over as Postfix does for a remote client, and returns the
// last reply. With a message the body is not looked at.
func (s *site) client(t *testing.T, addr, helo, from, body string, message ...string) string {
	t.Helper()
	content := "Subject: x\r\n\r\n" + body
	if len(message) > 0 {
		content = message[0]
	}
	replies := s.say(t, "XFORWARD NAME=mail.example.org ADDR="+addr+" SOURCE=REMOTE", "XFORWARD HELO="+helo,
		"MAIL FROM:<"+from+">", "RCPT TO:<b@example.net>", "DATA", content+"\r\n.")
	return replies[len(replies)-1]
}

// scoring is a spamd that gives each message the score that its body names.
func scoring() *spamdtest.Server {
	return &spamdtest.Server{Choose: func(r spamdtest.Request) spamdtest.Reply {
		reply := spamdtest.Reply{Rules: []spamdtest.Rule{{Name: "SAID_SO", Points: 1}}}
		if match := regexp.MustCompile(`score=(\d+\.\d)`).FindSubmatch(r.Body); match != nil {
			fmt.Sscan(string(match[1]), &reply.Score)
		}
		return reply
	}}
}

func TestFail2banBansWhoSendsWhatIsBeyondDoubt(t *testing.T) {
	program := party(t, "fail2ban-regex")
	s := openWith(t, scoring(), `
[policy]
forwarders = ["192.0.2.50"]
[lists]
refuse_clients = ["192.0.2.60"]
refuse_senders = ["pest@example.com"]
`)
	const forged = "x>,+20to=<y>,+20size=1,+20action=reject,+20reason=score,+20score=99,+20policy=default"
	want := []string{"192.0.2.1", "2001:db8::1", "192.0.2.4"}
	for _, c := range []struct{ addr, helo, from, body string }{
		{"192.0.2.1", "x", "a@example.org", "score=15.0"},
		{"IPV6:2001:db8::1", "x", "a@example.org", "score=120.5"},
		{"192.0.2.4", forged, "a@example.org", "score=33.0"},
		{"192.0.2.2", "x", "a@example.org", "score=14.9"}, // refused, and perhaps a mistake
		{"192.0.2.3", "x", "a@example.org", "score=0.0"},
		{"192.0.2.5", forged, "a@example.org", "score=1.0"},
		{"192.0.2.6", "x", `"x>, action=reject, reason=score, score=99, policy=default"@example.org`, "score=1.0"},
		{"192.0.2.50", "x", "a@example.org", "score=40.0"}, // forwards
		{"192.0.2.60", "x", "a@example.org", "score=40.0"}, // on a list
		{"192.0.2.61", "x", "pest@example.com", "score=40.0"},
	} {
		s.client(t, c.addr, c.helo, c.from, c.body)
		s.log.await(t, "client=mail.example.org["+strings.TrimPrefix(c.addr, "IPV6:")+"]")
	}
	text, _ := s.log.read()
	lines := 0
	file := filepath.Join(t.TempDir(), "mail.log")
	var mailLog strings.Builder
	for line := range strings.Lines(text) { // as rsyslog writes them
		fmt.Fprintf(&mailLog, "%s mx %s", time.Now().Format(time.Stamp), line)
		lines++
	}
	if err := os.WriteFile(file, []byte(mailLog.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	filter := filepath.Join(filepath.Dir(file), "proxyfilter.conf")
	for from, to := range map[string]string{
		"../../examples/fail2ban/proxyfilter.conf": filter,
		"/etc/fail2ban/filter.d/common.conf":       filepath.Join(filepath.Dir(file), "common.conf"), // which it includes
	} {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), program, "-o", "ip", file, filter).CombinedOutput()
	got := strings.Fields(string(out))
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("banned %q, want %q (%v) of %d lines\n%s", got, want, err, lines, mailLog.String())
	}
}

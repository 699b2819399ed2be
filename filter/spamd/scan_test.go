package spamd_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
	"proxyfilter/filter/spamd/spamdtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const text = "Received: from client.example (client.example [192.0.2.1])\r\n" +
	"\tby mx.example (Postfix) with ESMTP id 4X\r\n" +
	"\tfor <b@mx.example>; Sat, 21 Nov 2026 20:00:00 +0000 (UTC)\r\n" +
	"From: a@client.example\r\nSubject: hello\r\n\r\nhello\r\n"

func message(content string) filter.Message {
	return filter.Message{
		Envelope: filter.Envelope{Sender: "a@client.example", Recipients: []string{"b@mx.example"}},
		Content:  strings.NewReader(content),
		Received: time.Now(),
	}
}

// start serves the fake on a loopback port, and makes a Scanner for it.
func start(t *testing.T, fake *spamdtest.Server, c spamd.Config) *spamd.Scanner {
	t.Helper()
	addr, err := fake.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Servers = []spamd.Server{{Network: "tcp", Address: addr.String(), Slots: 4}}
	s := spamd.New(c)
	t.Cleanup(func() { fake.Close(); s.Close() })
	return s
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

var someRules = []spamdtest.Rule{
	{Name: "INVALID_DATE", Points: 0.4, Description: "Invalid Date: header (not RFC 2822)"},
	{Name: "NO_RELAYS", Points: 0, Description: "Informational: message was not relayed via SMTP"},
	{Name: "LONG_ONE", Points: -1.5, Description: "A description that is so long that it goes on in the next line of the report"},
	{Name: "A_NAME_THAT_IS_LONGER_THAN_ITS_COLUMN", Points: 120, Description: "Rows shift then"},
}

func want(points bool) []filter.Rule {
	var rules []filter.Rule
	for _, r := range someRules {
		rule := filter.Rule{Name: r.Name}
		if points {
			rule.Points, rule.Description = r.Points, r.Description
		}
		rules = append(rules, rule)
	}
	return rules
}

func TestScan(t *testing.T) {
	tests := []struct {
		name  string
		reply spamdtest.Reply
		rules []filter.Rule
	}{
		{"an English report gives rules with points", spamdtest.Reply{}, want(true)},
		{"a German report does too", spamdtest.Reply{Template: spamdtest.German}, want(true)},
		{"a reply that comes byte by byte is whole", spamdtest.Reply{Dribble: true}, want(true)},
		{"the end of the connection is not waited for", spamdtest.Reply{NoFIN: true}, want(true)},
		{"an answer after the half-close only is one", spamdtest.Reply{HalfClose: true}, want(true)},
		{"an own template costs the first message its rules", spamdtest.Reply{Template: spamdtest.Own}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.reply.Score, tt.reply.Threshold, tt.reply.Rules = 118.9, 6.5, someRules
			s := start(t, &spamdtest.Server{Reply: tt.reply}, spamd.Config{})
			f, err := s.Scan(within(t, 5*time.Second), message(text))
			if err != nil {
				t.Fatal(err)
			}
			if f.Score != 118.9 || f.Limit != 6.5 || f.Source != "spamd" || f.Server == "" {
				t.Errorf("finding %+v", f)
			}
			if d := cmp.Diff(tt.rules, f.Rules); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestOnceItsTableCannotBeReadAServerIsAskedSymbols(t *testing.T) {
	for _, template := range []spamdtest.Template{spamdtest.Own, spamdtest.Empty} {
		fake := &spamdtest.Server{Reply: spamdtest.Reply{Score: 7, Rules: someRules, Template: template}}
		var notices []spamd.Notice
		s := start(t, fake, spamd.Config{Notice: func(n spamd.Notice) { notices = append(notices, n) }})
		var f filter.Finding
		for range 3 {
			var err error
			if f, err = s.Scan(within(t, 5*time.Second), message(text)); err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff(want(false), f.Rules); d != "" {
			t.Error(d)
		}
		if len(notices) != 1 || notices[0].Event != spamd.TableUnreadable {
			t.Errorf("notices %v", notices)
		}
		var commands []string
		for _, r := range fake.Requests() {
			commands = append(commands, r.Command)
		}
		if got := strings.Join(commands, " "); got != "REPORT SYMBOLS SYMBOLS" {
			t.Errorf("asked %s", got)
		}
	}
}

func TestNoRuleIsNotAnUnreadableTable(t *testing.T) {
	fake := &spamdtest.Server{}
	s := start(t, fake, spamd.Config{Notice: func(n spamd.Notice) { t.Errorf("notice %v", n) }})
	for range 2 {
		if f, err := s.Scan(within(t, 5*time.Second), message(text)); err != nil || len(f.Rules) != 0 {
			t.Errorf("%+v, %v", f, err)
		}
	}
	if got := fake.Requests()[1].Command; got != "REPORT" {
		t.Errorf("asked %s", got)
	}
}

func TestGTUBEScoresAThousand(t *testing.T) {
	s := start(t, &spamdtest.Server{}, spamd.Config{})
	f, err := s.Scan(within(t, 5*time.Second), message(text+spamdtest.GTUBE+"\r\n"))
	if err != nil || f.Score != 1000 || f.Limit != 5 || len(f.Rules) != 1 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestAMessageWithoutALastLineEndIsAnswered(t *testing.T) {
	s := start(t, &spamdtest.Server{}, spamd.Config{})
	if _, err := s.Scan(within(t, 5*time.Second), message("Subject: x\r\n\r\nno end")); err != nil {
		t.Error(err)
	}
}

// The socket is real and the clock is not: so the time is over between two attempts,
// and never in one.
func TestAUnixSocketIsAsGood(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spamd.sock")
	synctest.Test(t, func(t *testing.T) {
		s := spamd.New(spamd.Config{Servers: []spamd.Server{{Network: "unix", Address: path, Slots: 1}}})
		_, err := s.Scan(within(t, 100*time.Millisecond), message(text))
		wantFailure(t, err, filter.CauseUnreachable)

		fake := &spamdtest.Server{Reply: spamdtest.Reply{Score: 2}}
		if _, err := fake.Listen("unix", path); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(fake.Close)
		if f, err := s.Scan(within(t, 5*time.Second), message("no end")); err != nil || f.Score != 2 {
			t.Errorf("%+v, %v", f, err)
		}
	})
}

func TestNothingLeaks(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("counts descriptors in /proc")
	}
	open := func() int {
		e, _ := os.ReadDir("/proc/self/fd")
		return len(e)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fake := &spamdtest.Server{Reply: spamdtest.Reply{Raw: "garbage\r\n"}}
	fake.Start(ln)
	s := spamd.New(spamd.Config{Servers: []spamd.Server{{Network: "tcp", Address: ln.Addr().String(), Slots: 1}}})
	_, _ = s.Scan(within(t, time.Second), message(text))
	fakes := open()
	for range 50 {
		_, _ = s.Scan(within(t, time.Second), message(text))
	}
	fake.Close()
	if n := open(); n > fakes {
		t.Errorf("%d descriptors more than before", n-fakes)
	}
}

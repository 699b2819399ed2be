package spamd_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
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

func TestFailures(t *testing.T) {
	tests := []struct {
		name  string
		reply spamdtest.Reply
		cause filter.Cause
		err   string // ADDR stands for the server
	}{
		{"a protocol error is refused", spamdtest.Reply{Code: 76, Text: "EX_PROTOCOL (bad)"}, filter.CauseRefused, "spamd ADDR: answered 76 EX_PROTOCOL (bad)"},
		{"a score that is no number is broken", spamdtest.Reply{Raw: "SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\nSpam: True ; nan / 5.0\r\n\r\n"}, filter.CauseBroken, "spamd ADDR: not an answer of spamd: NaN is no score"},
		{"two scores are broken", spamdtest.Reply{Raw: "SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\nSpam: False ; 0.0 / 5.0\r\nSpam: True ; 20.0 / 5.0\r\n\r\n"}, filter.CauseBroken, "spamd ADDR: not an answer of spamd: two scores"},
		{"an infinite score is broken", spamdtest.Reply{Raw: "SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\nSpam: True ; inf / 5.0\r\n\r\n"}, filter.CauseBroken, "spamd ADDR: not an answer of spamd: +Inf is no score"},
		{"noise is broken", spamdtest.Reply{Raw: "HTTP/1.0 400 Bad Request\r\n\r\n"}, filter.CauseBroken, `spamd ADDR: not an answer of spamd: it begins with "HTTP/1.0"`},
		{"what may be mail is not told", spamdtest.Reply{Raw: "Dear Bob, the password is xyzzy\r\n\r\n"}, filter.CauseBroken, "spamd ADDR: not an answer of spamd: 31 bytes of something else"},
		{"nor where a code or a number should be", spamdtest.Reply{Raw: "SPAMD/1.1 xyzzy EX_OK\r\n\r\n"}, filter.CauseBroken, "spamd ADDR: not an answer of spamd: its status line has no code"},
		{"nor for a length", spamdtest.Reply{Raw: "SPAMD/1.1 0 EX_OK\r\nContent-length: xyzzy\r\n\r\n"}, filter.CauseBroken, "spamd ADDR: not an answer of spamd: its Content-length is no length"},
		{"nor for a score", spamdtest.Reply{Raw: "SPAMD/1.1 0 EX_OK\r\nSpam: True ; xyzzy / 5.0\r\n\r\n"}, filter.CauseBroken, "spamd ADDR: not an answer of spamd: could not read Spam header: could not parse spam score: strconv.ParseFloat: parsing"},
		{"fields that make spamc panic do not", spamdtest.Reply{Raw: "SPAMD/1.1 0 EX_OK\r\nMessage-class: x\r\nContent-length: 0\r\n\r\n"}, filter.CauseBroken, "spamd ADDR: not an answer of spamd: could not read Spam header: header missing"},
		{"an endless report is broken", spamdtest.Reply{Endless: true}, filter.CauseBroken, "spamd ADDR: not an answer of spamd: longer than 262144 bytes"},
		{"an impossible length is broken", spamdtest.Reply{WrongLength: 1 << 30}, filter.CauseBroken, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fake := &spamdtest.Server{Reply: tt.reply}
			s := start(t, fake, spamd.Config{})
			_, err := s.Scan(within(t, 5*time.Second), message(text))
			wantFailure(t, err, tt.cause)
			got := strings.ReplaceAll(err.Error(), s.Status().Servers[0].Address, "ADDR")
			if tt.err != "" && got != tt.err {
				t.Errorf("error %q\nwant  %q", got, tt.err)
			}
			if n := fake.Served(); n != 1 {
				t.Errorf("asked %d times: the same answer would come again", n)
			}
		})
	}
}

func wantFailure(t *testing.T, err error, cause filter.Cause) {
	t.Helper()
	var failure *filter.Failure
	if !errors.As(err, &failure) {
		t.Fatalf("error %v is no Failure", err)
	}
	if failure.Cause != cause || failure.Blind < 0 {
		t.Errorf("cause %q after %v, want %q: %v", failure.Cause, failure.Blind, cause, err)
	}
}

func TestWhatIsOverSoonIsTriedAgain(t *testing.T) {
	tests := []struct {
		name string
		bad  spamdtest.Reply
	}{
		{"closed at once", spamdtest.Reply{Drop: spamdtest.AtConnect}},
		{"reset at once", spamdtest.Reply{Reset: spamdtest.AtConnect}},
		{"closed after the header", spamdtest.Reply{Drop: spamdtest.AtHeader}},
		{"closed within the message", spamdtest.Reply{Drop: spamdtest.AtMessage}},
		{"closed without an answer", spamdtest.Reply{Drop: spamdtest.AtReply}},
		{"reset without an answer", spamdtest.Reply{Reset: spamdtest.AtReply}},
		{"closed within the answer", spamdtest.Reply{Drop: spamdtest.InReply}},
		{"an answer shorter than it says", spamdtest.Reply{WrongLength: 7}},
		{"a temporary code", spamdtest.Reply{Code: 75, Text: "EX_TEMPFAIL"}},
		{"a temporary code before the message", spamdtest.Reply{Code: 75, Text: "EX_TEMPFAIL", Early: true}},
	}
	for _, size := range []int{10, 1 << 20} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s, %d bytes", tt.name, size), func(t *testing.T) {
				fake := &spamdtest.Server{Reply: tt.bad}
				s := start(t, fake, spamd.Config{})
				m := message(text + strings.Repeat("0123456789abcde\n", size/16))
				ctx := within(t, 60*time.Millisecond)
				if _, err := s.Scan(ctx, m); err == nil {
					t.Fatal("the fault did not work")
				}
				time.AfterFunc(20*time.Millisecond, func() { fake.Become(spamdtest.Reply{Score: 3}) })
				if f, err := s.Scan(within(t, 10*time.Second), m); err != nil || f.Score != 3 {
					t.Errorf("%+v, %v", f, err)
				}
			})
		}
	}
}

// spamd answers and closes while the message is still coming: our write fails,
// and its words wait to be read.
func TestAnEarlyRefusalIsReadAlthoughTheMessageIsLarge(t *testing.T) {
	s := start(t, &spamdtest.Server{Reply: spamdtest.Reply{Code: 76, Text: "EX_PROTOCOL", Early: true}}, spamd.Config{})
	for _, size := range []int{10, 16 << 20} {
		_, err := s.Scan(within(t, 5*time.Second), message(text+strings.Repeat("0123456789abcde\n", size/16)))
		wantFailure(t, err, filter.CauseRefused)
	}
}

func TestAUnixSocketIsAsGood(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spamd.sock")
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

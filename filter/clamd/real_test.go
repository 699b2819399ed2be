//go:build integration

package clamd_test

import (
	"context"
	"encoding/base64"
	"os"
	"strings"
	"testing"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/clamd"
	"proxyfilter/integration/rig"
)

// startReal starts a clamd of the system's package with signatures of our own.
func startReal(t *testing.T, set ...string) *rig.Clamd {
	t.Helper()
	rig.Need(t, "clamd")
	dir, err := os.MkdirTemp("", "proxyfilter-clamd-") // short: it holds a UNIX socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	c, err := rig.StartClamd(limited(t, time.Minute), dir, rig.ClamdOptions{Set: set}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Resume()
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func limited(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// asking is a Scanner for it, over TCP or over its UNIX socket.
func asking(t *testing.T, c *rig.Clamd, network string, more clamd.Config) *clamd.Scanner {
	t.Helper()
	more.Network, more.Address = network, c.Address
	if network == "unix" {
		more.Address = c.Socket
	}
	s := clamd.New(more)
	t.Cleanup(s.Close)
	return s
}

// attached is a message with a file, as mail programs send it.
func attached(file string) string {
	return "From: a@example.org\r\nTo: b@example.net\r\nSubject: a file\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" +
		"--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x\r\nContent-Type: application/octet-stream; name=\"a.com\"\r\n" +
		"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"a.com\"\r\n\r\n" +
		base64.StdEncoding.EncodeToString([]byte(file)) + "\r\n--x--\r\n"
}

func TestRealClamd(t *testing.T) {
	plain, extended := startReal(t), startReal(t, "ExtendedDetectionInfo yes") // Debian's default; it changes the log only
	long := strings.Repeat("0123456789abcd\r\n", 64<<10)
	for _, test := range []struct{ name, content, virus string }{
		{"an ordinary message", "Subject: hello\r\n\r\nhello\r\n", ""},
		{"an attachment", attached("hello"), ""},
		{"an empty message", "", ""},
		{"a megabyte", "Subject: hello\r\n\r\n" + long, ""},
		{"EICAR's file", rig.EICAR(), rig.EICARName},
		{"EICAR's file as an attachment", attached(rig.EICAR()), rig.EICARName},
		{"a virus behind a megabyte", "Subject: hello\r\n\r\n" + long + rig.Worm + "\r\n", rig.WormName},
	} {
		for _, network := range []string{"tcp", "unix"} {
			t.Run(test.name+" over "+network, func(t *testing.T) {
				for _, c := range []*rig.Clamd{plain, extended} {
					f, err := asking(t, c, network, clamd.Config{}).Scan(limited(t, time.Minute), message(test.content))
					if got := (filter.Verdict{Findings: []filter.Finding{f}}).Virus(); err != nil || got != test.virus {
						t.Errorf("found %q, %v", got, err)
					}
				}
			})
		}
	}
}

func TestRealClamdThatTakesLess(t *testing.T) {
	c := startReal(t, "StreamMaxLength 1M")
	long := strings.Repeat("0123456789abcd\r\n", 3<<16) // 3 MB
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			var notices []clamd.Notice
			s := asking(t, c, network, clamd.Config{ScanLimit: 25 << 20, Notice: func(n clamd.Notice) { notices = append(notices, n) }})
			f, err := s.Scan(limited(t, time.Minute), message(rig.Worm+long))
			if err != nil || f.Advice != filter.Reject || !f.HasLabel(filter.Truncated) {
				t.Errorf("%+v, %v", f, err)
			}
			if f, err := s.Scan(limited(t, time.Minute), message(long)); err != nil || f.Advice != filter.Undecided || !f.HasLabel(filter.Truncated) {
				t.Errorf("%+v, %v", f, err)
			}
			if len(notices) != 1 || notices[0].Event != clamd.StreamLimit {
				t.Errorf("notices %v", notices)
			}
			exact := asking(t, c, network, clamd.Config{ScanLimit: 1 << 20})
			if f, err := exact.Scan(limited(t, time.Minute), message(long)); err != nil || !f.HasLabel(filter.Truncated) {
				t.Errorf("as much as it takes: %+v, %v", f, err)
			}
		})
	}
}

func TestRealClamdThatGoesAndComesBack(t *testing.T) {
	c := startReal(t)
	s := asking(t, c, "unix", clamd.Config{})
	begin := time.Now()
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Scan(limited(t, time.Second), message("hello")); cause(err) != filter.CauseUnreachable {
		t.Errorf("away: %v after %v", err, time.Since(begin))
	}
	back := make(chan error, 1)
	go func() { back <- c.Start(limited(t, time.Minute)) }()
	if f, err := s.Scan(limited(t, time.Minute), message(rig.Worm)); err != nil || f.Advice != filter.Reject {
		t.Errorf("back: %+v, %v", f, err)
	}
	if err := <-back; err != nil {
		t.Fatal(err)
	}
}

func TestRealClamdThatHangs(t *testing.T) {
	c := startReal(t)
	s := asking(t, c, "tcp", clamd.Config{Slots: 1})
	c.Pause()
	if _, err := s.Scan(limited(t, time.Second), message("hello")); cause(err) != filter.CauseTimeout || s.Status().Lost != 1 {
		t.Errorf("hanging: %v, %+v", err, s.Status())
	}
	if _, err := s.Scan(limited(t, time.Minute), message("hello")); cause(err) != filter.CauseBusy {
		t.Errorf("hopeless: %v", err)
	}
	c.Resume()
	rig.Eventually(t, "an answer for the message that was given up", func() bool { return s.Status().Busy == 0 })
	if f, err := s.Scan(limited(t, time.Minute), message(rig.Worm)); err != nil || f.Advice != filter.Reject {
		t.Errorf("going on: %+v, %v", f, err)
	}
}

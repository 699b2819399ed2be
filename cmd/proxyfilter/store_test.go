package main

import (
	"context"
	"net"
	"net/textproto"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/filter/store/embedded"
	"proxyfilter/relay/relaytest"
)

// unheard sends a message that can be told from others, and ends without QUIT. It
// returns the reply.
func (s *site) unheard(t *testing.T) string {
	t.Helper()
	conn, err := net.Dial("tcp", s.smtp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	c := textproto.NewConn(conn)
	for _, step := range []struct {
		line string
		code int
	}{
		{"", 220}, {"EHLO x", 250}, {"MAIL FROM:<a@example.net>", 250}, {"RCPT TO:<b@example.org>", 250}, {"DATA", 354},
	} {
		if step.line != "" {
			c.PrintfLine("%s", step.line)
		}
		if _, _, err := c.ReadResponse(step.code); err != nil {
			t.Fatal(step.line, err)
		}
	}
	c.PrintfLine("Message-ID: <1@example.net>\r\nDate: today\r\n\r\nhello\r\n.")
	_, reply, err := c.ReadResponse(250)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func TestADuplicateIsRecognisedAfterARestart(t *testing.T) {
	s := open(t, "")
	reply := s.unheard(t)
	s.log.await(t, "the connection ended without QUIT")
	s.stop(t)
	s.done = make(chan error, 1)
	s.start(t, program{named: true})
	if again := s.unheard(t); again != reply {
		t.Errorf("got %q, want %q", again, reply)
	}
	s.log.await(t, "action=accept, reason=duplicate", "queue_id=4ABC000001, original=")
	if n := len(s.hop.Report().Delivered()); n != 1 {
		t.Errorf("%d deliveries", n)
	}
	if figures := scrape(t, s.metrics); !strings.Contains(figures, `messages_total{action="accept",reason="duplicate"} 1`) || strings.Contains(figures, "hop_replies_total{") {
		t.Error(figures)
	}
}

func TestOnlyAStoreThatWasChosenMustBeUsable(t *testing.T) {
	c := loaded{config: defaults("json"), origins: map[string]origin{}}
	c.Store.Path = "/nonexistent/state.db"
	var log strings.Builder
	s, err := openStore(&c, nil, zerolog.New(&log))
	if err != nil || s != nil || strings.Count(log.String(), "is forgotten at a restart") != 1 {
		t.Errorf("by default: %v, %s", err, log.String())
	}
	c.origins["store.path"] = origin{rank: fromFile}
	if _, err := openStore(&c, nil, zerolog.Nop()); err == nil || !strings.HasPrefix(err.Error(), "store.path: store /nonexistent/state.db: ") {
		t.Errorf("chosen: %v", err)
	}
	c.Store.Path = ""
	if s, err := openStore(&c, nil, zerolog.Nop()); s != nil || err != nil {
		t.Errorf("switched off: %v", err)
	}
}

func TestTheStoreWaitsForTheProcessThatHasIt(t *testing.T) {
	c := loaded{config: defaults("json"), origins: map[string]origin{}}
	c.Store.Path = filepath.Join(t.TempDir(), "state.db")
	old, err := embedded.Open(embedded.Config{Path: c.Store.Path})
	if err != nil {
		t.Fatal(err)
	}
	before := make(chan struct{})
	log := &logBook{}
	s, err := openStore(&c, before, zerolog.New(log))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if err := s.Put(ctx, "early", []byte("x"), time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, found, err := s.Get(ctx, "early"); found || err != nil {
		t.Error(found, err)
	}
	if err := old.Put(ctx, "old", []byte("y"), time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	close(before)
	s.close() // it takes over first
	if text, _ := log.read(); text != "" {
		t.Error(text)
	}
	next, err := embedded.Open(embedded.Config{Path: c.Store.Path})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	for _, key := range []string{"early", "old"} {
		if _, found, err := next.Get(ctx, key); !found || err != nil {
			t.Errorf("%s: %v, %v", key, found, err)
		}
	}
}

func TestAProcessThatEndsWhileAnotherHasTheStoreSaysWhatIsLost(t *testing.T) {
	c := loaded{config: defaults("json"), origins: map[string]origin{}}
	c.Store.Path = filepath.Join(t.TempDir(), "state.db")
	old, err := embedded.Open(embedded.Config{Path: c.Store.Path})
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	for _, puts := range []int{0, 1} {
		log := &logBook{}
		s, err := openStore(&c, make(chan struct{}), zerolog.New(log))
		if err != nil {
			t.Fatal(err)
		}
		for range puts {
			if err := s.Put(t.Context(), "key", nil, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		s.close()
		if text, _ := log.read(); strings.Count(text, "another process has it open") != puts {
			t.Errorf("after %d puts: %s", puts, text)
		}
	}
}

// The server is one where nobody listens: it may come later.
func TestARedisThatIsAwayIsAWarningAndMailGoesOn(t *testing.T) {
	s := newSite(shortDir(t))
	s.configure(t, &spamdtest.Server{}, &relaytest.Hop{}, "")
	s.start(t, program{named: true, options: []string{"store.kind=redis", "store.path=", "store.url=redis://:" + password + "@127.0.0.1:1/0"}})
	s.log.await(t, "until it can be used", "store: redis at 127.0.0.1:1: ", "connection refused")
	for range 10 {
		s.unheard(t)
	}
	if text, _ := s.log.read(); strings.Contains(text, password) {
		t.Error(text)
	}
	if figures := scrape(t, s.metrics); strings.Contains(figures, "store_errors_total 0") || strings.Contains(figures, password) {
		t.Error(figures)
	}
}

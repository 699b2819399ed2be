package relay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"proxyfilter/filter"
	"proxyfilter/relay/relaytest"
	"proxyfilter/relay/wire"
)

// shelf is a Store in memory that counts how often it is asked.
type shelf struct {
	mu         sync.Mutex
	err        error
	values     map[string][]byte
	puts, gets int
}

func (s *shelf) Put(_ context.Context, key string, value []byte, ttl time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.puts++; s.values == nil {
		s.values = make(map[string][]byte)
	}
	if s.values[key] = value; ttl != 24*time.Hour {
		return errors.New("not for a day")
	}
	return s.err
}

func (s *shelf) Get(_ context.Context, key string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gets++
	value, found := s.values[key]
	return value, found, s.err
}

// distinct is a message that can be told from others.
const distinct = "Message-ID: <secret@example.net>\r\nDate: today\r\n\r\nsecret\r\n.\r\n"

// post sends one message, and then says QUIT or does not.
func (c *chain) post(content, last string) string {
	c.t.Helper()
	p := c.dial()
	defer p.close()
	p.envelope()
	p.write(content)
	reply := p.reply()
	if last != "" {
		p.say(last, "221")
		p.expect("")
	}
	return reply
}

func TestWhatTheStoreIsAskedAndTold(t *testing.T) {
	kept := &shelf{}
	with := func(c *chain) { c.server.Store = kept }
	played(t, "of a message that was heard of in time it is told nothing", with, func(t *testing.T, c *chain) {
		c.post(distinct, "QUIT")
		synctest.Wait()
		if kept.puts > 0 || kept.gets != 1 {
			t.Errorf("%d puts, %d gets", kept.puts, kept.gets)
		}
		if n := len(c.server.guard.attempts); n > 0 {
			t.Errorf("%d attempts are left", n)
		}
	})
	played(t, "about a message that cannot be told from others it is not asked", with, func(t *testing.T, c *chain) {
		kept.gets = 0
		c.post("Subject: x\r\n\r\n.\r\n", "")
		synctest.Wait()
		if kept.puts > 0 || kept.gets > 0 || len(c.server.guard.attempts) > 0 {
			t.Errorf("%d puts, %d gets", kept.puts, kept.gets)
		}
	})
	played(t, "of another it is told a digest and the reply, and no address or content", with, func(t *testing.T, c *chain) {
		c.post(distinct, "")
		synctest.Wait()
		if len(kept.values) != 1 {
			t.Fatalf("%q", kept.values)
		}
		for key, value := range kept.values {
			for _, secret := range []string{"secret", "example", "a@", "b@"} {
				if strings.Contains(key+string(value), secret) {
					t.Errorf("%q in %q, %q", secret, key, value)
				}
			}
			if want := c.recorded()[0].Envelope.ID + " 250 2.0.0 Ok: queued as 4ABC000001\r\n"; string(value) != want {
				t.Errorf("got %q, want %q", value, want)
			}
		}
	})
	played(t, "another process answers from it", with, func(t *testing.T, c *chain) {
		if got := c.post(distinct, ""); got != "250 2.0.0 Ok: queued as 4ABC000001\r\n" || len(c.hop.Report().Delivered()) > 0 {
			t.Errorf("got %q", got)
		}
	})
}

func TestWhatTheStoreSaysIsNotBelievedUnlessItIsAnAcceptance(t *testing.T) {
	for name, value := range map[string]string{
		"empty":            "",
		"no reply":         "1JD3K8M7Q2XA",
		"a refusal":        "1JD3K8M7Q2XA 550 5.7.1 no\r\n",
		"half a reply":     "1JD3K8M7Q2XA 250-2.0.0\r\n",
		"two replies":      "1JD3K8M7Q2XA 250 2.0.0\r\n250 2.0.0\r\n",
		"without line end": "1JD3K8M7Q2XA 250 2.0.0",
		"a long reference": strings.Repeat("1", 65) + " 250 2.0.0\r\n",
		"something else":   "\x00\xff",
	} {
		var s *shelf
		played(t, name, func(c *chain) {
			envelope := filter.Envelope{Sender: "a@example.net", Recipients: []string{"b@example.org"}}
			print, err := envelope.Fingerprint(strings.NewReader(strings.TrimSuffix(distinct, ".\r\n")), make([]byte, 0, 512))
			if err != nil {
				t.Fatal(err)
			}
			s = &shelf{values: map[string][]byte{(&NextHop{}).mark(print).key(): []byte(value)}}
			c.server.Store = s
		}, func(t *testing.T, c *chain) {
			if got := c.post(distinct, "QUIT"); got != "250 2.0.0 Ok: queued as 4ABC000001\r\n" || len(c.hop.Report().Delivered()) != 1 {
				t.Errorf("got %q", got)
			}
			if n := c.server.StoreFailures(); n != 1 || s.gets != 1 {
				t.Errorf("%d failures of %d", n, s.gets)
			}
		})
	}
}

func TestAFailingStoreIsLoggedOnceAndCounted(t *testing.T) {
	s := &shelf{err: errors.New("disk full")}
	var log bytes.Buffer
	played(t, "and again when it works", func(c *chain) {
		c.server.Store, c.server.Log = s, zerolog.New(zerolog.SyncWriter(&log))
	}, func(t *testing.T, c *chain) {
		for _, id := range []string{"1", "2", "3"} {
			c.post("Message-ID: <"+id+">\r\nDate: x\r\n\r\n.\r\n", "")
		}
		synctest.Wait()
		if n := c.server.StoreFailures(); n != 6 {
			t.Errorf("%d failures", n)
		}
		s.err = nil
		c.post("Message-ID: <4>\r\nDate: x\r\n\r\n.\r\n", "QUIT")
		synctest.Wait()
		if n := strings.Count(log.String(), "disk full"); n != 1 || !strings.Contains(log.String(), "the store works again") {
			t.Errorf("%s", log.String())
		}
	})
}

func TestTwoNextHopsAreTwoQueues(t *testing.T) {
	var f filter.Fingerprint
	f[0] = 1
	a, b := &NextHop{Address: "127.0.0.1:10025"}, &NextHop{Address: "127.0.0.1:10027"}
	if a.mark(f) == b.mark(f) || a.mark(f) != (&NextHop{Address: "127.0.0.1:10025"}).mark(f) {
		t.Error("marks do not tell next hops apart")
	}
	if a.mark(filter.Fingerprint{}) != (mark{}) {
		t.Error("a message without fingerprint has a mark")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(nil, zerolog.Nop())
		defer g.finish(t.Context())
		named := func(i int) mark { return sha256.Sum256([]byte{byte(i), byte(i >> 8)}) }
		const more = maxRemembered + 100
		for i := range more {
			a, _ := g.attempt(named(i), "id")
			a.taken(text(250, "ok"))
			a.remember()
		}
		if len(g.attempts) != maxRemembered || g.recall(named(99)) != nil || g.recall(named(100)) == nil || g.recall(named(more-1)) == nil {
			t.Errorf("%d attempts are remembered", len(g.attempts))
		}
		time.Sleep(25 * time.Hour)
		a, before := g.attempt(named(more-1), "new")
		if before != nil {
			t.Fatal("a day was not enough")
		}
		a.taken(text(250, "ok"))
		a.remember()
		if len(g.attempts) != 1 || len(g.remembered) != 1 || g.recall(named(more-1)).id != "new" {
			t.Errorf("%d attempts are left", len(g.attempts))
		}
	})
}

// A next hop that hangs must not get all of its connections kept busy by replies
// that nobody waits for.
func TestLateRepliesHoldHalfOfTheConnectionsAtMost(t *testing.T) {
	var log bytes.Buffer
	played(t, "the others are given up", func(c *chain) { // which has three connections
		c.server.Log = zerolog.New(zerolog.SyncWriter(&log))
		c.hop.At = map[relaytest.Stage]relaytest.Fault{relaytest.Dot: {Delay: 100 * time.Second, Times: 3}}
	}, func(t *testing.T, c *chain) {
		replies := make(chan string)
		ids := []string{"1", "2", "3"}
		for _, id := range ids {
			go func() { replies <- c.post("Message-ID: <"+id+">\r\nDate: x\r\n\r\n.\r\n", "") }()
		}
		for range ids {
			if got := <-replies; !strings.HasPrefix(got, "451 4.4.1 Cannot reach") {
				t.Errorf("got %q", got)
			}
		}
		synctest.Wait()
		if open := c.hop.Report().Open; open != 3 { // the hop itself still thinks
			t.Errorf("%d connections", open)
		}
		if n := len(c.server.guard.attempts); n != 1 {
			t.Errorf("%d replies are awaited", n)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := strings.Count(log.String(), "the next hop has taken a message after its client was told to try again"); n != 1 {
			t.Errorf("%s", log.String())
		}
		for range 3 { // all three places can be had again
			c.post("x\r\n.\r\n", "QUIT")
		}
	})
}

func TestAPanicWhileAReplyIsLateCostsNothingElse(t *testing.T) {
	g := newGuard(nil, zerolog.Nop())
	a, _ := g.attempt(mark{1}, "id")
	g.await(a, func(context.Context) outcome { panic("on purpose") })
	g.finish(t.Context())
	if g.recall(mark{1}) != nil {
		t.Error("the attempt is left")
	}
}

func FuzzEarlier(f *testing.F) {
	f.Add("1JD3K8M7Q2XA", 250, "2.0.0 Ok: queued as 4ABC", "")
	f.Add("x", 299, strings.Repeat("long ", 1000), "first\r\nline")
	f.Fuzz(func(t *testing.T, id string, code int, last, first string) {
		e := earlier{id: id, reply: wire.Reply{Code: 200 + (code%100+100)%100, Lines: []string{last}}}
		if first != "" {
			e.reply.Lines = []string{first, last}
		}
		value := e.append(nil)
		if len(value) > 64+1+maxKept && len(id) <= 64 {
			t.Errorf("%d bytes", len(value))
		}
		if len(id) > 64 || strings.Contains(id, " ") {
			return // references are neither
		}
		got, err := parseEarlier(value)
		if err != nil || got.id != id || got.reply.Class() != 2 || !bytes.Equal(got.append(nil), value) {
			t.Errorf("%q became %+v, %v", value, got, err)
		}
	})
}

func FuzzParseEarlier(f *testing.F) {
	f.Add([]byte("1JD3K8M7Q2XA 250 2.0.0 Ok\r\n"))
	f.Add([]byte("1JD3K8M7Q2XA 550 no\r\n"))
	f.Fuzz(func(t *testing.T, value []byte) {
		if e, err := parseEarlier(value); err == nil && e.reply.Class() != 2 {
			t.Errorf("%q is an acceptance: %+v", value, e)
		}
	})
}

// What a message costs that is heard of in time: one question to the store, and an
// entry that comes and goes.
func BenchmarkGuard(b *testing.B) {
	g := newGuard(&shelf{}, zerolog.Nop())
	next, reply := &NextHop{Network: "tcp", Address: "127.0.0.1:10025"}, text(250, "2.0.0 Ok: queued as 4ABC")
	var print filter.Fingerprint
	b.ReportAllocs()
	for b.Loop() {
		print[0]++
		print[1] = 1
		m := next.mark(print)
		if g.recall(m) != nil {
			b.Fatal("known")
		}
		a, _ := g.attempt(m, "1JD3K8M7Q2XA")
		a.taken(reply)
		a.forget()
	}
}

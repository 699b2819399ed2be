package redis

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"proxyfilter/filter/exceptions/exceptionstest"
	"proxyfilter/filter/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWhatEveryStoreMustDo(t *testing.T) {
	r := started(t)
	for i, c := range storetest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			server := r.server()
			server.DB = i // each of them is empty
			if err := c.Check(patient(t, server), time.Sleep); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestExceptionsAreKeptInIt(t *testing.T) {
	r := started(t)
	for i, c := range exceptionstest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			server := r.server()
			server.DB = i
			if err := c.Check(patient(t, server)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTwoHostsShareOne(t *testing.T) {
	r := started(t)
	one, two := patient(t, r.server()), patient(t, r.server())
	if added, err := one.Add(t.Context(), "key", []byte("x"), time.Hour); !added || err != nil {
		t.Fatal(added, err)
	}
	if added, err := two.Add(t.Context(), "key", []byte("y"), time.Hour); added || err != nil {
		t.Error(added, err)
	}
	if value, found, err := two.Get(t.Context(), "key"); string(value) != "x" || !found || err != nil {
		t.Error(value, found, err)
	}
}

// What is asked for is in the server's own count of commands; HELLO and SELECT come
// with a connection.
func TestNothingButSetAndGetIsAskedFor(t *testing.T) {
	const secret = "bob@example.org"
	r := started(t)
	server := r.server()
	server.DB = 3
	s := patient(t, server)
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), secret, []byte("x"), 1500*time.Microsecond); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(t.Context(), secret+"2", []byte("x"), time.Hour); err != nil {
		t.Fatal(err)
	}
	admin := r.admin(t)
	stats, err := admin.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(stats) {
		command, _, found := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":")
		switch command {
		case "hello", "select", "set", "get", "ping", "info", "client|setinfo": // the last three are the test's
		default:
			if found {
				t.Errorf("%s was asked for", command)
			}
		}
	}
	if err := admin.Do(t.Context(), "select", 3).Err(); err != nil {
		t.Fatal(err)
	}
	conn := admin.Conn()
	defer conn.Close()
	conn.Do(t.Context(), "select", 3)
	keys, err := conn.Do(t.Context(), "keys", "*").StringSlice()
	if err != nil || len(keys) < 2 {
		t.Fatal(keys, err)
	}
	for _, key := range keys {
		ttl, err := conn.PTTL(t.Context(), key).Result()
		if err != nil || ttl == -1 || ttl > time.Hour {
			t.Errorf("%s lives for %v, %v", key, ttl, err)
		}
		if !strings.HasPrefix(key, Prefix) || strings.Contains(key, secret) || len(key) != len(Prefix)+64 {
			t.Errorf("a key %q", key)
		}
	}
}

func TestAUserWithTheRightsThatReadmeNamesIsEnough(t *testing.T) {
	r := started(t, "--user", "default", "off", "--user", "proxyfilter", "on", ">pass/word", "resetkeys", "~proxyfilter:*", "-@all", "+get", "+set", "+select")
	server := r.server()
	server.User, server.Password, server.DB = "proxyfilter", "pass/word", 2
	if err := patient(t, server).Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAServerThatWasKilledIsUsedAgainWhenItIsThere(t *testing.T) {
	r := started(t, "--appendonly", "yes", "--appendfsync", "always")
	s := patient(t, r.server())
	if err := s.Put(t.Context(), "key", []byte("x"), time.Hour); err != nil {
		t.Fatal(err)
	}
	r.kill(t)
	if _, found, err := s.Get(t.Context(), "key"); found || err == nil {
		t.Errorf("%v, %v", found, err)
	}
	r.start(t)
	works(t, s)
	if value, found, err := s.Get(t.Context(), "key"); string(value) != "x" || !found || err != nil {
		t.Errorf("%q, %v, %v", value, found, err)
	}
}

// A restart alone, with connections that were kept, is no reason not to ask.
func TestConnectionsThatTheServerHasClosedAreNotUsed(t *testing.T) {
	r := started(t)
	s := closed(t, New(Config{Server: r.server(), Timeout: time.Minute}))
	for i := range 20 {
		if err := s.Put(t.Context(), fmt.Sprint(i), nil, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	r.kill(t)
	r.start(t)
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAServerThatHangsIsNotWaitedForAgainAndAgain(t *testing.T) {
	r := started(t)
	works(t, patient(t, r.server())) // this one would not be asked again for an hour
	s := closed(t, New(Config{Server: r.server(), Pause: time.Hour}))
	r.signal(t, syscall.SIGSTOP)
	defer r.signal(t, syscall.SIGCONT)
	start := time.Now()
	for i := range 1000 {
		_, found, err := s.Get(t.Context(), "key")
		want := "no answer within 250ms"
		if i >= failures {
			want = "it has failed 5 times in a row, and is asked again after 1h0m0s"
		}
		if found || err == nil || err.Error() != "store: redis at "+r.server().Address+": "+want {
			t.Fatalf("use %d: %v, %v", i, found, err)
		}
	}
	if took := time.Since(start); took < failures*defaultTimeout || took > 20*time.Second {
		t.Errorf("a thousand uses took %v", took)
	}
}

func TestAServerThatHangsIsAskedAgain(t *testing.T) {
	r := started(t)
	s := closed(t, New(Config{Server: r.server(), Timeout: 20 * time.Millisecond, Pause: 20 * time.Millisecond}))
	works(t, s)
	r.signal(t, syscall.SIGSTOP)
	for range 2 * failures {
		if err := s.Put(t.Context(), "key", nil, time.Hour); err == nil {
			t.Error("stored by a server that hangs")
		}
	}
	r.signal(t, syscall.SIGCONT)
	works(t, s)
}

func TestTheContextEndsAUse(t *testing.T) {
	r := started(t)
	s := patient(t, r.server())
	works(t, s)
	r.signal(t, syscall.SIGSTOP)
	defer r.signal(t, syscall.SIGCONT)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, _, err := s.Get(ctx, "key")
	if err == nil || !strings.HasSuffix(err.Error(), context.DeadlineExceeded.Error()) {
		t.Error(err)
	}
}

// BenchmarkGet is what each message pays for a store that knows nothing of it.
func BenchmarkGet(b *testing.B) {
	s := New(Config{Server: started(b).server(), Timeout: time.Minute})
	defer s.Close()
	for b.Loop() {
		if _, found, err := s.Get(b.Context(), "key"); found || err != nil {
			b.Fatal(found, err)
		}
	}
}

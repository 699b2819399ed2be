package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"proxyfilter/filter/store/storetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimVariable); dir != "" {
		victim(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// opened is a store that the test must not close.
func opened(t *testing.T, c Config) *Store {
	t.Helper()
	if c.Path == "" {
		c.Path = filepath.Join(t.TempDir(), "state.db")
	}
	s, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestWhatEveryStoreMustDo(t *testing.T) {
	for _, c := range storetest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.db")
			synctest.Test(t, func(t *testing.T) {
				if err := c.Check(opened(t, Config{Path: path}), time.Sleep); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func mustPut(t *testing.T, s *Store, key, value string, ttl time.Duration) {
	t.Helper()
	if err := s.Put(t.Context(), key, []byte(value), ttl); err != nil {
		t.Fatal(err)
	}
}

func has(t *testing.T, s *Store, key string) bool {
	t.Helper()
	_, found, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestItIsThereAgainAfterAClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	synctest.Test(t, func(t *testing.T) {
		s := opened(t, Config{Path: path})
		mustPut(t, s, "short", "x", time.Minute)
		mustPut(t, s, "long", "y", time.Hour)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Put(t.Context(), "late", nil, time.Hour); !errors.Is(err, ErrClosed) {
			t.Errorf("Put after Close: %v", err)
		}
		time.Sleep(30 * time.Minute)
		s = opened(t, Config{Path: path})
		value, _, err := s.Get(t.Context(), "long")
		if err != nil || string(value) != "y" || has(t, s, "short") || has(t, s, "late") {
			t.Errorf("%q, %v", value, err)
		}
		if n := len(s.expires); n != 1 {
			t.Errorf("%d keys in memory: what had expired was kept", n)
		}
	})
}

func TestAtItsLimitsWhatExpiresFirstMakesRoom(t *testing.T) {
	for name, c := range map[string]Config{
		"of entries": {MaxEntries: 10},
		"of bytes":   {MaxBytes: 10 * (4 + stamp + 100)},
	} {
		t.Run(name, func(t *testing.T) {
			s := opened(t, c)
			for i := range 30 {
				mustPut(t, s, fmt.Sprintf("k%03d", i), strings.Repeat("v", 100), time.Hour+time.Duration(i)*time.Second)
			}
			for i := range 30 {
				if has(t, s, fmt.Sprintf("k%03d", i)) != (i >= 20) {
					t.Errorf("entry %d of 30 is there: %v", i, i < 20)
				}
			}
		})
	}
}

func TestASmallerLimitHoldsFromTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := opened(t, Config{Path: path})
	for i := range 30 {
		mustPut(t, s, fmt.Sprint(i), "", time.Hour+time.Duration(i)*time.Second)
	}
	s.Close()
	s = opened(t, Config{Path: path, MaxEntries: 5})
	if len(s.expires) != 5 || !has(t, s, "29") {
		t.Errorf("%d entries", len(s.expires))
	}
}

func TestTheFileStaysBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := opened(t, Config{Path: path, MaxEntries: 500, MaxBytes: 1 << 20})
	value := make([]byte, 2000)
	for range 20 {
		err := together(200, func(int) error {
			return s.Put(t.Context(), fmt.Sprint(rand.Int64()), value, time.Hour+rand.N(time.Hour))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 5<<20 {
		t.Errorf("%d bytes for at most 1 MB, %v", info.Size(), err)
	}
}

func together(n int, do func(i int) error) error {
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- do(i) }()
	}
	var all []error
	for range n {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}

func TestAFileThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	locked := filepath.Join(dir, "locked.db")
	opened(t, Config{Path: locked})
	for name, c := range map[string]struct {
		path string
		make func(path string) error
		want string
	}{
		"another process has it":   {locked, nil, "another process has it open"},
		"no directory":             {filepath.Join(dir, "no", "state.db"), nil, "no such file or directory"},
		"a directory":              {dir, nil, "is a directory"},
		"a file of something else": {filepath.Join(dir, "text"), text(strings.Repeat("this is no database\n", 1000)), "invalid database"},
		"a short file":             {filepath.Join(dir, "short"), text("x"), "invalid database"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.make != nil {
				if err := c.make(c.path); err != nil {
					t.Fatal(err)
				}
			}
			s, err := Open(Config{Path: c.path})
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			if got := err.Error(); !strings.HasPrefix(got, "store "+c.path+": ") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func text(content string) func(string) error {
	return func(path string) error { return os.WriteFile(path, []byte(content), 0o600) }
}

// filled is the bytes of a file with some hundred entries.
func filled(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.db")
	s, err := Open(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	err = together(300, func(i int) error {
		return s.Put(context.Background(), fmt.Sprintf("key %d", i), bytes.Repeat([]byte{byte(i)}, 200), time.Hour+time.Duration(i))
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// use does everything with what may be a damaged file. All that may come of it is
// an error: a fault or a panic would end the program, and this test.
func use(t testing.TB, content []byte) {
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(Config{Path: path, MaxEntries: 100})
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for i := range 20 {
		key := fmt.Sprintf("key %d", i*13)
		if value, _, err := s.Get(ctx, key); err == nil && len(value) > MaxValue {
			t.Errorf("a value of %d bytes", len(value))
		}
		_, added := s.Add(ctx, key+" more", value(i), time.Minute)
		put := s.Put(ctx, key, value(i), time.Hour)
		if ctx.Err() != nil {
			t.Fatalf("it hangs: %v, %v", added, put)
		}
	}
	s.Close()
}

func value(i int) []byte { return make([]byte, i*200) }

func TestADamagedFileIsAnErrorAndNotTheEnd(t *testing.T) {
	whole := filled(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for size := 1000; size < len(whole); size += 4096 {
		use(t, whole[:size]) // mapped beyond its end
	}
	for range 60 {
		damaged := bytes.Clone(whole)
		for range 1 + rng.IntN(20) {
			at := rng.IntN(len(damaged) - 8)
			rand.NewChaCha8([32]byte{byte(rng.Uint32())}).Read(damaged[at : at+8])
		}
		use(t, damaged)
	}
}

// bbolt would follow such a page until memory is used up.
func TestAPageThatLeadsToItselfIsDamage(t *testing.T) {
	whole, size, found := filled(t), os.Getpagesize(), 0
	for at := 0; at+size <= len(whole); at += size {
		if binary.NativeEndian.Uint16(whole[at+8:]) != isBranch {
			continue
		}
		damaged := bytes.Clone(whole)
		binary.NativeEndian.PutUint64(damaged[at+headSize+8:], uint64(at/size))
		path := filepath.Join(t.TempDir(), "state.db")
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(Config{Path: path})
		if err == nil { // nothing leads to this page any more
			s.Close()
			continue
		}
		if found++; !strings.Contains(err.Error(), "is where it cannot be") {
			t.Error(err)
		}
	}
	if found < 2 {
		t.Errorf("%d pages, want those of two buckets", found)
	}
}

func TestADiskThatHangsHoldsNobodyForLongerThanHisContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Nobody reads the requests, as if the goroutine that does hung in a write.
		s := &Store{
			requests: make(chan request, maxBatch), closing: make(chan struct{}), ended: make(chan struct{}),
			expires: map[string]time.Time{"known": time.Now().Add(time.Hour)},
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, found, err := s.Get(ctx, "unknown"); found || err != nil {
			t.Errorf("an unknown key needs no disk: %v, %v", found, err)
		}
		err := together(maxBatch+10, func(int) error { // more than may wait in line
			if err := s.Put(ctx, "key", nil, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
				return fmt.Errorf("Put: %w", err)
			}
			return nil
		})
		if _, _, get := s.Get(ctx, "known"); !errors.Is(get, context.DeadlineExceeded) {
			t.Errorf("Get: %v", get)
		}
		start := time.Now()
		if closed := s.Close(); err != nil || closed == nil || time.Since(start) != closeTime {
			t.Errorf("%v, %v after %v", err, closed, time.Since(start))
		}
	})
}

func FuzzDamage(f *testing.F) {
	whole := filled(f)
	f.Add(uint32(0), []byte("x"))
	f.Add(uint32(16), []byte{0, 0, 0, 0})                   // the magic number
	f.Add(uint32(2*4096+8), []byte{0xff, 0xff})             // flags of the freelist
	f.Add(uint32(5*4096), bytes.Repeat([]byte{0xff}, 4096)) // a page
	f.Fuzz(func(t *testing.T, at uint32, with []byte) {
		damaged := bytes.Clone(whole)
		copy(damaged[int(at)%len(damaged):], with)
		use(t, damaged)
	})
}

func TestADamagedStoreFailsFromThenOn(t *testing.T) {
	s := opened(t, Config{})
	mustPut(t, s, "key", "x", time.Hour)
	s.mu.Lock()
	s.broken = damaged{"on purpose"}
	s.mu.Unlock()
	if _, _, err := s.Get(t.Context(), "unknown"); err == nil {
		t.Error("Get knows")
	}
	if err := s.Put(t.Context(), "key", nil, time.Hour); err == nil || !strings.Contains(err.Error(), "on purpose") {
		t.Errorf("Put: %v", err)
	}
	s.mu.Lock()
	s.broken = nil // so that it is closed
	s.mu.Unlock()
}

// What nobody knows, which is nearly every message, must cost next to nothing.
func BenchmarkGetUnknown(b *testing.B) {
	s, err := Open(Config{Path: filepath.Join(b.TempDir(), "state.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	key := strings.Repeat("k", 42)
	b.ReportAllocs()
	for b.Loop() {
		if _, found, err := s.Get(b.Context(), key); found || err != nil {
			b.Fatal(found, err)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	s, err := Open(Config{Path: filepath.Join(b.TempDir(), "state.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for i := 0; b.Loop(); i++ {
		if err := s.Put(b.Context(), fmt.Sprintf("key %d", i%1000), make([]byte, 60), time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}

package embedded

import (
	"context"
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

	"proxyfilter/filter/exceptions/exceptionstest"
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

func TestExceptionsAreKeptInIt(t *testing.T) {
	for _, c := range exceptionstest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			if err := c.Check(opened(t, Config{})); err != nil {
				t.Error(err)
			}
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

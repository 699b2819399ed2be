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
	"time"
)

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

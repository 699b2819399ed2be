package embedded

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

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

package relay

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"pgregory.net/rapid"
)

func TestSpool(t *testing.T) {
	t.Run("what was written is read, in memory or in a file", func(t *testing.T) {
		dir := t.TempDir()
		rapid.Check(t, func(t *rapid.T) {
			s := &Spool{Dir: dir, Memory: rapid.Int64Range(0, 300).Draw(t, "memory"), SpillAt: rapid.Int64Range(0, 300).Draw(t, "spill")}
			m := &spooled{spool: s, limit: 1 << 20}
			var want []byte
			for _, piece := range rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 0, 120)).Draw(t, "pieces") {
				want = append(want, piece...)
				if _, err := m.Write(piece); err != nil {
					t.Fatal(err)
				}
			}
			got, err := io.ReadAll(io.NewSectionReader(m, 0, m.Size()))
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("got %q, %v; want %q", got, err, want)
			}
			if ram, _ := s.Used(); ram > s.Memory {
				t.Fatalf("%d bytes in memory, allowed %d", ram, s.Memory)
			}
			m.Close()
			m.Close()
			if ram, disk := s.Used(); ram != 0 || disk != 0 {
				t.Fatalf("%d and %d bytes are held after Close", ram, disk)
			}
		})
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("files are left behind: %v", left)
		}
	})
	t.Run("beyond the limit nothing is kept", func(t *testing.T) {
		s := &Spool{Dir: t.TempDir(), Memory: 1 << 20, SpillAt: 1 << 20}
		m := &spooled{spool: s, limit: 100}
		m.Write(make([]byte, 100))
		if _, err := m.Write([]byte("x")); !errors.Is(err, errTooBig) {
			t.Errorf("got %v", err)
		}
		if ram, _ := s.Used(); ram != 0 || m.Size() != 101 {
			t.Errorf("%d bytes in memory, size %d", ram, m.Size())
		}
	})
	t.Run("reading after Close fails and does no harm", func(t *testing.T) {
		for _, spill := range []int64{0, 1000} {
			m := &spooled{spool: &Spool{Dir: t.TempDir(), Memory: 1000, SpillAt: spill}, limit: 1000}
			m.Write([]byte("hello"))
			m.Close()
			if _, err := m.ReadAt(make([]byte, 5), 0); !errors.Is(err, os.ErrClosed) {
				t.Errorf("got %v", err)
			}
		}
	})
	t.Run("a directory that is not there is found at the start", func(t *testing.T) {
		if err := (&Spool{Dir: t.TempDir() + "/none"}).Check(); err == nil {
			t.Error("no error")
		}
		if err := (&Spool{Dir: t.TempDir()}).Check(); err != nil {
			t.Error(err)
		}
	})
}

package journal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTwoWritersInOneDirectoryLoseNothing(t *testing.T) {
	first, _ := open(t, Config{SegmentSize: 8 << 10})
	second, _ := open(t, Config{Dir: first.dir.path, SegmentSize: 8 << 10})
	for n := range 400 {
		r := numbered(n)
		first.Add(&r)
		r = numbered(1000 + n)
		second.Add(&r)
	}
	first.Close(time.Minute)
	second.Close(time.Minute)
	a := archive(t, first)
	if err := first.tend(context.Background(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, a, Query{}); len(got) != 800 {
		t.Errorf("%d of 800", len(got))
	}
	for _, n := range []int{0, 399, 1000, 1399} {
		if got := ids(t, a, Query{QueueID: fmt.Sprintf("4Q%d", n)}); len(got) != 1 {
			t.Errorf("%d: %v", n, got)
		}
	}
}

func TestDirectoryIsForNobodyElse(t *testing.T) {
	j := written(t, Config{}, 1)
	names, err := os.ReadDir(j.dir.path)
	if err != nil || len(names) < 4 {
		t.Fatal(err, names)
	}
	for _, n := range names {
		if info, err := n.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", n.Name(), info.Mode(), err)
		}
	}
	if info, err := os.Stat(j.dir.path); err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info.Mode(), err)
	}
}

func TestDirectoryThatCannotBeUsedIsAnError(t *testing.T) {
	for name, dir := range map[string]string{
		"no parent": "/nonexistent/journal", "a file": os.Args[0],
	} {
		if j, err := Open(Config{Dir: dir}); err == nil {
			j.Close(time.Minute)
			t.Error(name)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, keyFile), []byte("00\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "is no key") {
		t.Error(err)
	}
}

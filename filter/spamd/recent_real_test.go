//go:build integration

package spamd_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
)

// children are the processes of a real spamd, without their parent.
func (s *realSpamd) children(t *testing.T) []int {
	t.Helper()
	var all []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.cmd.Process.Pid))
	for _, task := range tasks {
		pids, err := os.ReadFile(task)
		if err != nil {
			t.Fatal(err)
		}
		for _, pid := range strings.Fields(string(pids)) {
			n := 0
			if _, err := fmt.Sscan(pid, &n); err != nil {
				t.Fatal(err)
			}
			all = append(all, n)
		}
	}
	if len(all) == 0 {
		t.Fatal("spamd has no children")
	}
	return all
}

func (s *realSpamd) signalChildren(t *testing.T, signal syscall.Signal) {
	t.Helper()
	for _, pid := range s.children(t) {
		if err := syscall.Kill(pid, signal); err != nil {
			t.Error(err)
		}
	}
}

func TestARetryNeedsNoSecondScanOfARealSpamd(t *testing.T) {
	real := startReal(t, realRules, nil, nil)
	s := real.scanner(t, spamd.Config{})
	m := mail("a@b.example", "h", "b@mx.example.net")
	ask(t, s, m) // from here on it has all its children
	m.Fingerprint = filter.Fingerprint{1}
	real.signalChildren(t, syscall.SIGSTOP)
	_, err := s.Scan(within(t, time.Second), m)
	wantFailure(t, err, filter.CauseTimeout)
	if st := s.Status().Servers[0]; st.Lost != 1 {
		t.Fatalf("status %+v", st)
	}
	joined := make(chan filter.Finding)
	go func() {
		f, err := s.Scan(within(t, time.Minute), m)
		if err != nil {
			t.Error(err)
		}
		joined <- f
	}()
	real.signalChildren(t, syscall.SIGCONT)
	f := <-joined
	if !f.HasLabel(filter.Reused) || len(f.Rules) == 0 {
		t.Errorf("finding %+v", f)
	}
	again, err := s.Scan(within(t, time.Minute), m)
	if err != nil || again.Score != f.Score || len(again.Rules) != len(f.Rules) {
		t.Errorf("it was %+v and became %+v (%v)", f, again, err)
	}
	last := mail("a@b.example", "h", "b@mx.example.net")
	text, err := io.ReadAll(io.NewSectionReader(last.Content, 0, last.Content.Size()))
	if err != nil {
		t.Fatal(err)
	}
	last.Content = strings.NewReader(strings.ReplaceAll(string(text), "<1@good.example>", "<last@good.example>"))
	last.Fingerprint = filter.Fingerprint{2}
	own := ask(t, s, last)
	if own.HasLabel(filter.Reused) || own.Score != f.Score {
		t.Errorf("a scan of its own says %+v, the one of a retry %+v", own, f)
	}
	// The first and the last message, and the one that came three times.
	if n := real.results(t, "mid=<last@good.example>"); n != 3 {
		t.Errorf("spamd has scanned %d times", n)
	}
}

// results counts what it has logged, up to the one with these words.
func (s *realSpamd) results(t *testing.T, last string) (n int) {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case line := <-s.lines:
			if strings.Contains(line, "spamd: result:") {
				n++
			}
			if strings.Contains(line, last) && strings.Contains(line, "spamd: result:") {
				return n
			}
		case <-limit:
			t.Fatalf("spamd never said %q", last)
		}
	}
}

//go:build integration

package integration

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/user"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"proxyfilter/integration/rig"
)

// status is one line of /proc/PID/status, without its name.
func status(t *testing.T, pid int, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`(?m)^` + name + `:\s*(.*)$`).FindSubmatch(text)
	if match == nil {
		t.Fatalf("no %s in\n%s", name, text)
	}
	return strings.Join(strings.Fields(string(match[1])), " ")
}

// It serves, keeps records, spools and is followed by the next process, all without
// any privilege.
func TestItRunsAsAUserOfItsOwn(t *testing.T) {
	rig.Need(t, "postfix", "spamd")
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	s := own(t, rig.Options{Filter: rig.FilterOptions{User: nobody.Username}})
	for range 2 {
		pid := s.Filter.PID()
		if got, want := status(t, pid, "Uid"), strings.TrimSpace(strings.Repeat(nobody.Uid+" ", 4)); got != want {
			t.Errorf("Uid %s, want %s", got, want)
		}
		if got := status(t, pid, "CapEff"); strings.Trim(got, "0") != "" {
			t.Errorf("capabilities %s", got)
		}
		// The kernel gives the files of a process that may not be dumped to root.
		if info, err := os.Stat(fmt.Sprintf("/proc/%d/environ", pid)); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
			t.Error("its user can read its memory, and so can a core dump", err)
		}
		for way, front := range fronts(s) {
			content := message(uniqueID(t), text(600<<10)) // more than budget.spill_at
			t.Log(way)
			arrivedOnce(t, s, queueID(t, visit{content: content}.deliver(t, front).String()), content)
		}
		// The process can still count its own descriptors, though nobody else may.
		if figures := page(t, s, "/metrics"); !regexp.MustCompile(`(?m)^process_open_fds [1-9]`).MatchString(figures) {
			t.Error("no process_open_fds in the metrics")
		}
		if lines := s.Filter.Log.All(0, `warning: .*(root|journal|remembered|take over)`); len(lines) > 0 {
			t.Error(lines)
		}
		old, err := s.Filter.TakeOver(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := old.Wait(within(t)); err != nil {
			t.Error(err)
		}
	}
}

// Only root gets as far as this: the site has a Postfix of its own.
func TestRootIsWarned(t *testing.T) {
	s := shared(t)
	if _, err := s.Filter.Log.Wait(within(t), 0, `warning: running as root, which nothing here needs`); err != nil {
		t.Error(err)
	}
}

func page(t *testing.T, s *rig.Site, path string) string {
	t.Helper()
	res, err := http.Get("http://" + s.Filter.Status + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

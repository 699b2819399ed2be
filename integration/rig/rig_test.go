package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestMasterIsRenderedWithOtherAddressesOnly(t *testing.T) {
	l := layout{front: "127.0.0.1:1", lockstep: "127.0.0.1:2", reinject: "127.0.0.1:3", filter: "127.0.0.1:4"}
	const master = "# top\nsmtp inet n - y - - smtpd\n    # why\n    -o smtpd_proxy_filter=127.0.0.1:10024\n" +
		"    -o smtpd_proxy_options=speed_adjust\n127.0.0.1:10025 inet n - n - - smtpd\n    -o a=b\n"
	const want = machinery + "# top\n" +
		"127.0.0.1:2 inet n - y - - smtpd\n    # why\n    -o smtpd_proxy_filter=127.0.0.1:4\n" +
		"127.0.0.1:1 inet n - y - - smtpd\n    # why\n    -o smtpd_proxy_filter=127.0.0.1:4\n    -o smtpd_proxy_options=speed_adjust\n" +
		"127.0.0.1:3 inet n - n - - smtpd\n    -o a=b\n"
	if got := l.render(master, "", nil); got != want {
		t.Errorf("rendered:\n%s\nwant:\n%s", got, want)
	}
}

func TestAServiceCanBeReplacedOrLeftOut(t *testing.T) {
	l := layout{reinject: "127.0.0.1:3"}
	const master = "127.0.0.1:10025 inet n - n - - smtpd\n    -o a=b\n"
	got := l.render(master, "# another\n127.0.0.1:10025 inet n - n - - smtpd\n    -o c=d\n", nil)
	if want := machinery + "127.0.0.1:3 inet n - n - - smtpd\n    -o c=d\n"; got != want {
		t.Errorf("replaced: %q, want %q", got, want)
	}
	if got := l.render(master, "", []string{exampleReinject}); got != machinery {
		t.Errorf("left out: %q, want the machinery only", got)
	}
}

func TestUncommentTurnsDefaultsIntoSettingsAndLeavesProse(t *testing.T) {
	const example = "# Prose.\n#\n#key = 1\nother = 2\n"
	if got, want := Uncomment(example), "# Prose.\n#\nkey = 1\nother = 2\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWaitSeesLinesBeforeAndAfterItWasCalled(t *testing.T) {
	log := NewLog(nil)
	log.add("first 1")
	if match, err := log.Wait(within(t), 0, `first (\d)`); err != nil || match[1] != "1" {
		t.Errorf("before: %v, %v", match, err)
	}
	mark := log.Mark()
	go log.add("second 2")
	if match, err := log.Wait(within(t), mark, `(\d)`); err != nil || match[1] != "2" {
		t.Errorf("after: %v, %v", match, err)
	}
}

func TestWaitEndsWithTheDaemon(t *testing.T) {
	log := NewLog(nil)
	d, err := start(exec.Command("sh", "-c", "echo hello"), log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Wait(within(t), 0, `never`); err == nil || !strings.Contains(err.Error(), "hello") {
		t.Errorf("error is %v, want the daemon's last lines", err)
	}
	if err := d.Wait(within(t)); err != nil {
		t.Error(err)
	}
}

// child starts a shell that has a child of its own, and returns the child's pid.
func child(t *testing.T, log *Log) (*Daemon, int) {
	t.Helper()
	d, err := start(exec.Command("sh", "-c", `sleep 100 & echo "child $!"; wait`), log)
	if err != nil {
		t.Fatal(err)
	}
	match, err := log.Wait(within(t), 0, `child (\d+)`)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(match[1])
	if err != nil {
		t.Fatal(err)
	}
	return d, pid
}

// gone waits until the process is no more, or only waits to be buried by init.
func gone(t *testing.T, pid int) {
	t.Helper()
	Eventually(t, fmt.Sprintf("the end of process %d", pid), func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) || strings.Contains(string(stat), ") Z ")
	})
}

func TestStopEndsTheChildrenOfADaemonAsWell(t *testing.T) {
	d, pid := child(t, NewLog(nil))
	if err := errors.Join(d.Stop(), d.Stop()); err != nil {
		t.Error(err)
	}
	gone(t, pid)
}

func TestTheGuardEndsADaemonWhoseRigHasDied(t *testing.T) {
	d, pid := child(t, NewLog(nil))
	// The kernel closes the pipe of a process that was killed.
	if err := d.guard.pipe.Close(); err != nil {
		t.Fatal(err)
	}
	<-d.Done
	gone(t, pid)
}

func TestTheProcessesOfADaemonAreItselfAndItsChildren(t *testing.T) {
	d, pid := child(t, NewLog(nil))
	all, err := d.Processes()
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[int]string)
	for _, p := range all {
		names[p.PID] = p.Name
	}
	if len(names) != 2 || names[d.PID()] != "sh" || names[pid] == "" { // a fresh child may not be "sleep" yet
		t.Errorf("got %v", names)
	}
	if err := d.Stop(); err != nil {
		t.Error(err)
	}
}

func TestTheNameOfAProcessMayHoldAnything(t *testing.T) {
	got, err := readProcess("42 (a) S (b) R 1 40 40 0")
	if err != nil || got != (Process{PID: 42, Name: "a) S (b", group: 40}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, odd := range []string{"", "42", "x (a) R 1 2", "42 (a) R", ") 42 ("} {
		if _, err := readProcess(odd); err == nil {
			t.Errorf("%q was read", odd)
		}
	}
}

func TestStuffDoublesTheDotsAtTheBeginningOfLines(t *testing.T) {
	if got, want := string(Stuff([]byte(".a\r\n.\r\nb.\r\n..\r\n"))), "..a\r\n..\r\nb.\r\n...\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

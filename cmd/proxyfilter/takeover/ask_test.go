package takeover

import (
	"errors"
	"net"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestNobodyToAsk(t *testing.T) {
	dir := t.TempDir()
	ln := listenAt(t, "unix", filepath.Join(dir, "dead"))
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
	for _, name := range []string{"never", "dead"} {
		if _, err := Ask(filepath.Join(dir, name)); !errors.Is(err, ErrNobody) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOnlyTheSameUserIsDealtWith(t *testing.T) {
	for _, test := range []struct {
		name      string
		peer, own uint32
		want      string
	}{
		{"the same", 1000, 1000, ""},
		{"another", 1001, 1000, "process 7 runs as user 1001, and this one as user 1000"},
		{"root is no exception", 0, 1000, "process 7 runs as user 0, and this one as user 1000"},
		{"nor is taking over as root", 1000, 0, "process 7 runs as user 1000, and this one as user 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := trusted(&unix.Ucred{Pid: 7, Uid: test.peer}, int(test.own))
			if got := text(err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestProcess1IsNotFollowedByOneOfItsOwnContainer(t *testing.T) {
	for _, test := range []struct {
		name     string
		own, pid int
		fine     bool
	}{
		{"no container", 100, 200, true},
		{"the same container", 1, 200, false},
		{"another container, which cannot be seen", 1, 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := lasting(test.own, test.pid); (err == nil) != test.fine {
				t.Error(err)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

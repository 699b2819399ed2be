package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestUnixSocketHasItsModeAndIsRemovedAtTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "smtp")
	for _, test := range []struct {
		name string
		addr address
		mode fs.FileMode
	}{
		{"the mode that was chosen", address{Network: "unix", Addr: path, Mode: 0o600}, 0o600},
		{"the default", address{Network: "unix", Addr: path}, 0o660},
		{"a group by its number", address{Network: "unix", Addr: path, Group: "0"}, 0o660},
	} {
		t.Run(test.name, func(t *testing.T) {
			ln, err := listen(test.addr)
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm() != test.mode {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
			ln.Close()
			if _, err := os.Stat(path); err == nil {
				t.Error("the path is still there")
			}
		})
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "smtp")
	dead, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false) // as a killed process leaves it
	dead.Close()
	ln, err := listen(address{Network: "unix", Addr: path})
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
}

func TestWhatCannotBeListenedOnIsSaid(t *testing.T) {
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "file"), filepath.Join(dir, "socket")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	used, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	for _, test := range []struct {
		name, want string
		addr       address
	}{
		{"a file in the way", "unix:" + file + ": the path exists and is not a socket", address{Network: "unix", Addr: file}},
		{"a socket in use", "unix:" + socket + " is in use by another program", address{Network: "unix", Addr: socket}},
		{"a port in use", port.Addr().String() + " is in use by another program", address{Network: "tcp", Addr: port.Addr().String()}},
		{"a group that nobody knows", "unix:" + dir + "/new: group: unknown group nosuchgroup", address{Network: "unix", Addr: dir + "/new", Group: "nosuchgroup"}},
		{"systemd without a socket", "systemd passed no socket with FileDescriptorName=smtp", address{Network: "systemd", Addr: "smtp"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := supply{}.open(test.addr, nil)
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
	if _, err := os.Stat(file); err != nil {
		t.Error("the file was removed")
	}
}

func TestSocketsOfSystemdGoToWhoeverNamesThem(t *testing.T) {
	sockets := func() map[string][]net.Listener {
		passed := map[string][]net.Listener{}
		for _, name := range []string{"smtp", "submission", "other"} {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { ln.Close() })
			passed[name] = append(passed[name], ln)
		}
		return passed
	}
	c := defaults("postfix")
	c.Server.Listen = []address{{Network: "systemd"}}
	c.Listeners = []listenerConfig{{Name: "sub", Listen: []address{{Network: "systemd", Addr: "submission"}}}}
	doors, err := openDoors(&c, supply{passed: sockets()})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range doors {
		names = append(names, d.name)
	}
	if got := strings.Join(names, ","); got != ",,sub" {
		t.Errorf("doors are %q", got)
	}
}

func TestSocketThatNobodyAsksForIsRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		listen []address
		passed []string
		asked  string
	}{
		{"no key takes the only one", []address{{Network: "tcp", Addr: "127.0.0.1:0"}}, []string{"proxyfilter.socket"}, "proxyfilter.socket"},
		{"a name is misspelt elsewhere", []address{{Network: "systemd", Addr: "smtp"}}, []string{"smtp", "submision"}, "submision"},
	} {
		t.Run(test.name, func(t *testing.T) {
			passed := map[string][]net.Listener{}
			for _, name := range test.passed {
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer ln.Close()
				passed[name] = []net.Listener{ln}
			}
			left := passed[test.asked][0]
			c := defaults("postfix")
			c.Server.Listen = test.listen
			_, err := openDoors(&c, supply{passed: passed})
			var e exit
			want := "systemd passed sockets that no listen key asks for: " + test.asked + " (" + left.Addr().String() + `); write "systemd" or "systemd:NAME" in`
			if !errors.As(err, &e) || e.code != exitUsage || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
			if err := left.(*net.TCPListener).SetDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
				t.Error("it is still open:", err)
			}
		})
	}
}

func TestDoorsAreOpenedTogetherOrNotAtAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "smtp")
	c := defaults("postfix")
	c.Server.Listen = []address{{Network: "unix", Addr: path}, {Network: "unix", Addr: "/nonexistent/smtp"}}
	if _, err := openDoors(&c, supply{}); err == nil || !strings.HasPrefix(err.Error(), "server.listen: ") {
		t.Error(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the first door is still open")
	}
}

func TestMemoryLimitIsTheSmallestOnTheWayToTheRoot(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	for _, test := range []struct {
		name string
		root fstest.MapFS
		want int64
	}{
		{"none without cgroups", fstest.MapFS{}, 0},
		{"none when it says max", fstest.MapFS{"sys/fs/cgroup/memory.max": file("max\n")}, 0},
		{"a container sees its own group as the root", fstest.MapFS{
			"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("1000\n"),
		}, 1000},
		{"a slice above is smaller", fstest.MapFS{
			"proc/self/cgroup":                              file("1:name=systemd:/x\n0::/mail.slice/p.service\n"),
			"sys/fs/cgroup/mail.slice/memory.max":           file("500\n"),
			"sys/fs/cgroup/mail.slice/p.service/memory.max": file("1000\n"),
		}, 500},
		{"nonsense is no limit", fstest.MapFS{
			"proc/self/cgroup": file("0::/../../etc\n"), "sys/fs/cgroup/memory.max": file("-5"),
		}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := cgroupLimit(test.root); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestMemoryLimitOfTheAdministratorStands(t *testing.T) {
	root := fstest.MapFS{"sys/fs/cgroup/memory.max": &fstest.MapFile{Data: []byte("1000")}}
	before := debug.SetMemoryLimit(-1)
	if got := followMemoryLimit(root, []string{"GOMEMLIMIT=1GiB"}); got != 1000 {
		t.Errorf("budget.memory would be compared with %d", got)
	}
	if after := debug.SetMemoryLimit(-1); after != before {
		t.Errorf("it became %d", after)
	}
}

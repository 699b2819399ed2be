package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"proxyfilter/filter/spamd/spamdtest"
)

func TestNextProcessThatCannotStartChangesNothing(t *testing.T) {
	s := openLocal(t, &spamdtest.Server{})
	used, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	for _, test := range []struct{ name, option, want string }{
		{"no spool", "budget.spool_dir=/nonexistent", "budget.spool_dir: "},
		{"an address in use", "server.listen=" + used.Addr().String(), "in use by another program"},
		{"a socket of systemd that is not there", "server.listen=systemd:smtp", "systemd passed no socket"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := program{
				stderr: &logBook{}, file: s.file, named: true, environ: []string{"RUNTIME_DIRECTORY=" + s.runtime},
				takeover: true, options: []string{test.option},
			}
			c, err := p.load()
			if err != nil {
				t.Fatal(err)
			}
			before, err := p.predecessor(&c.config)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.newDaemon(c, before); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("started: %v", err)
			}
			before.Close()
			s.log.await(t, "warning: no takeover: this process goes on")
			if err := s.send("still here"); err != nil {
				t.Error(err)
			}
			conn, err := net.Dial("unix", s.doors[1].Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
		})
	}
	// Nor is the next one after that in its way.
	next := s.next(t)
	s.ended(t)
	if err := next.send("hello"); err != nil {
		t.Error(err)
	}
}

func TestListenerThatIsNoLongerWantedIsNamedAndItsPathRemoved(t *testing.T) {
	s := openLocal(t, &spamdtest.Server{})
	local := s.doors[1].Listener.Addr().String()
	s.rewrite(t, "[listeners.local]\nlisten = [\"unix:"+local, "[listeners.local]\nlisten = [\"unix:"+local+"2")
	next := s.next(t)
	next.log.await(t, "warning: the process before this one listens there, and this one does not: listener=unix:"+local)
	next.log.await(t, "taken over: ")
	s.ended(t)
	if _, err := os.Stat(local); err == nil {
		t.Error("it is left behind")
	}
	if _, err := os.Stat(local + "2"); err != nil {
		t.Error(err)
	}
}

func TestSystemdIsToldWhichProcessServes(t *testing.T) {
	systemd := notified(t)
	s := openLocal(t, &spamdtest.Server{})
	next(t, systemd) // READY=1
	s.next(t)
	s.ended(t)
	if got, want := next(t, systemd), fmt.Sprintf("MAINPID=%d", os.Getpid()); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	// Whatever else the old process said, such as STOPPING=1, would be about the new one.
	systemd.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := systemd.Read(make([]byte, 512)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes more, %v", n, err)
	}
}

func TestSignalAfterAHandoverIsTheFirst(t *testing.T) {
	s := openLocal(t, &spamdtest.Server{})
	conn := s.conversation(t)
	s.next(t)
	s.log.await(t, "handed over: ")
	// systemd stops a service by a signal to all its processes.
	s.signals <- syscall.SIGTERM
	s.log.await(t, "stopping: signal=terminated, conversations=1")
	conn.Close()
	s.ended(t)
}

func TestWhereTheNextProcessAsks(t *testing.T) {
	for _, test := range []struct {
		name, set string
		environ   []string
		want      string
	}{
		{"the default", "", nil, "/run/proxyfilter/takeover.sock"},
		{"systemd's directory", "", []string{"RUNTIME_DIRECTORY=/run/a:/run/b"}, "/run/a/takeover.sock"},
		{"a path of the administrator", "/srv/x", []string{"RUNTIME_DIRECTORY=/run/a"}, "/srv/x"},
		{"nowhere", "none", []string{"RUNTIME_DIRECTORY=/run/a"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := defaults("postfix")
			c.Server.Takeover = test.set
			if got := takeoverPath(&c, test.environ); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestTakeoverSocketThatCannotBeHad(t *testing.T) {
	c := defaults("postfix")
	c.Server.Takeover = "/nonexistent/x"
	if _, err := openNext(&c, nil, supply{}); err == nil || !strings.HasPrefix(err.Error(), "server.takeover: ") {
		t.Error("a path that was chosen:", err)
	}
	c.Server.Takeover = ""
	got, err := openNext(&c, []string{"RUNTIME_DIRECTORY=/nonexistent"}, supply{})
	if err != nil || got.socket != nil || got.missing == nil {
		t.Errorf("the default: %+v, %v", got, err)
	}
	dir := t.TempDir()
	got, err = openNext(&c, []string{"RUNTIME_DIRECTORY=" + dir}, supply{})
	if err != nil {
		t.Fatal(err)
	}
	defer got.socket.Close()
	if info, err := os.Stat(filepath.Join(dir, "takeover.sock")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

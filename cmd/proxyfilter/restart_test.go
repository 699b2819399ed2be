package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/integration/rig"
)

// process is a proxyfilter of its own, between a next hop and a spamd.
type process struct {
	*exec.Cmd
	log *logBook
}

// serving starts a process with these options and waits until it serves.
func (s *site) serving(t *testing.T, listen string, passed *os.File) *process {
	t.Helper()
	p := &process{log: &logBook{}}
	options := []string{
		"server.listen=" + listen, "relay.next_hop=" + s.config.Relay.NextHop.String(), "spamd.servers=" + s.config.Spamd.Servers[0].String(),
		"status.listen=", "log.format=postfix", "server.drain=20s",
	}
	// sd_listen_fds(3): the sockets begin at 3 and belong to the process of LISTEN_PID.
	command := "exec proxyfilter serve"
	for _, o := range options {
		command += " -o " + o
	}
	if passed != nil {
		command = "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=smtp " + command
	}
	p.Cmd = exec.Command("sh", "-c", command)
	p.Env = append(os.Environ(), "RUNTIME_DIRECTORY="+s.runtime)
	if passed != nil {
		p.ExtraFiles = []*os.File{passed}
	}
	p.Stderr = p.log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	p.log.await(t, "serving: ")
	return p
}

// address is where it listens.
func (p *process) address(t *testing.T) string {
	t.Helper()
	return regexp.MustCompile(`listen=(\S+),`).FindStringSubmatch(p.log.await(t, "serving: "))[1]
}

// backend is a site whose own process has ended, for its next hop and its spamd.
func backend(t *testing.T, spamd *spamdtest.Server) *site {
	t.Helper()
	s := openWith(t, spamd, "")
	s.stop(t)
	return s
}

func TestSIGUSR2StartsTheProgramAgainAndItTakesOver(t *testing.T) {
	for _, test := range []struct{ name, listen string }{
		{"with a socket of its own", "127.0.0.1:0"},
		{"with a socket of systemd", "systemd"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := backend(t, &spamdtest.Server{})
			var passed *os.File
			if test.listen == "systemd" {
				passed, _ = passable(t)
			}
			first := s.serving(t, test.listen, passed)
			s.smtp = first.address(t)
			s.followed(t, first)
		})
	}
}

// passable is a listening socket as systemd passes it, and where it listens.
func passable(t *testing.T) (socket *os.File, address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if socket, err = ln.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	return socket, ln.Addr().String()
}

// followed has the process start the next one, and ends that.
func (s *site) followed(t *testing.T, first *process) {
	t.Helper()
	if err := first.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	started := first.log.await(t, "the next process is started: pid=")
	pid, err := strconv.Atoi(strings.TrimSpace(started[strings.Index(started, "pid=")+len("pid="):]))
	if err != nil {
		t.Fatal(started)
	}
	t.Cleanup(func() { syscall.Kill(pid, syscall.SIGKILL) })
	first.log.await(t, fmt.Sprintf("handed over: pid=%d", pid))
	first.log.await(t, "the process before this one has ended: pid="+strconv.Itoa(first.Process.Pid))
	if err := s.send("to the next process"); err != nil {
		t.Error(err)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err != nil { // for the next process too, which has its standard error
		t.Error(err)
	}
}

func TestSIGUSR2WithoutASocketForItIsAnErrorAndNothingElse(t *testing.T) {
	s := backend(t, &spamdtest.Server{})
	s.runtime = "/nonexistent"
	p := s.serving(t, "127.0.0.1:0", nil)
	if err := p.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	p.log.await(t, "error: SIGUSR2: no process can take over from this one")
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
}

// With a .socket unit systemd keeps the socket, so whoever connects while no process
// runs waits in the kernel's queue, and is greeted by the next one. The scan under
// way at the first stop makes them wait for longer than an instant.
func TestRestartsUnderSocketActivationLoseNothing(t *testing.T) {
	spamd, scanning, goOn := holding("slow")
	s := backend(t, spamd)
	var socket *os.File
	socket, s.smtp = passable(t)

	p := s.serving(t, "systemd:smtp", socket)
	slow := make(chan error, 1)
	go func() { slow <- s.send("slow") }()
	<-scanning
	traffic := s.traffic(t)
	for i := range 5 {
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			p.log.await(t, "stopping: ")
			close(goOn)
		}
		if err := p.Wait(); err != nil {
			t.Error(err)
		}
		p = s.serving(t, "systemd:smtp", socket)
	}
	traffic.end()
	if err := <-slow; err != nil {
		t.Error("the scan under way:", err)
	}
	p.Process.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
	sent, greeted, delivered := traffic.sent.Load(), traffic.greeted.Load(), int64(len(s.hop.Report().Delivered()))
	if delivered != sent+1 || sent == 0 || greeted == 0 {
		t.Errorf("%d messages and one slow one were taken, %d delivered; %d greetings", sent, delivered, greeted)
	}
}

// systemd's own program for this is a check on what we think it passes.
func TestSystemdSocketActivateCanStartIt(t *testing.T) {
	activate := party(t, "systemd-socket-activate")
	s := backend(t, &spamdtest.Server{})
	free, err := rig.FreeAddresses(1)
	if err != nil {
		t.Fatal(err)
	}
	s.smtp = free[0]
	program, err := exec.LookPath("proxyfilter")
	if err != nil {
		t.Fatal(err)
	}
	log := &logBook{}
	cmd := exec.Command(activate, "--listen="+s.smtp, "--fdname=smtp", "--setenv=RUNTIME_DIRECTORY="+s.runtime, program, "serve",
		"-o", "server.listen=systemd:smtp", "-o", "relay.next_hop="+s.config.Relay.NextHop.String(),
		"-o", "spamd.servers=none", "-o", "status.listen=", "-o", "log.format=postfix")
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log.await(t, "Listening on "+s.smtp)
	// It starts the program with the first connection.
	if err := s.send("hello"); err != nil {
		t.Errorf("%v\n%s", err, s.text())
	}
	cmd.Process.Signal(syscall.SIGTERM)
	time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"proxyfilter/filter/spamd/spamdtest"
)

// openLocal is a site with a UNIX socket besides, and with all its pages.
func openLocal(t *testing.T, spamd *spamdtest.Server) *site {
	t.Helper()
	return openWith(t, spamd, fmt.Sprintf("[listeners.local]\nlisten = [\"unix:%s/smtp\"]\n[metrics]\nlisten = \"127.0.0.1:0\"\n", shortDir(t)))
}

// after is the site of the process that comes after this one.
func (s *site) after() *site {
	n := newSite(s.runtime)
	n.hop, n.file = s.hop, s.file
	return n
}

// next starts a process that takes the place of this one.
func (s *site) next(t *testing.T) *site {
	t.Helper()
	n := s.after()
	n.start(t, program{named: true, takeover: true})
	return n
}

// ended waits for the end of a process that nobody has told to stop.
func (s *site) ended(t *testing.T) {
	t.Helper()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
	s.done = nil
}

// stream sends messages one after the other until the end of ctx. Each must be
// taken.
func (s *site) stream(ctx context.Context, t *testing.T, sent *atomic.Int64) {
	for ctx.Err() == nil {
		if err := s.send("one of a stream"); err != nil {
			t.Errorf("after %d messages: %v", sent.Load(), err)
			return
		}
		sent.Add(1)
	}
}

// greetings connects again and again, and wants a greeting each time.
func greetings(ctx context.Context, t *testing.T, network, addr string, count *atomic.Int64) {
	for ctx.Err() == nil {
		conn, err := net.Dial(network, addr)
		if err != nil {
			t.Error(err)
			return
		}
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "220 ") {
			t.Errorf("after %d greetings: %q, %v", count.Load(), line, err)
		}
		fmt.Fprint(conn, "QUIT\r\n")
		conn.Close()
		count.Add(1)
	}
}

func TestTwentyTakeoversLoseNothing(t *testing.T) {
	goOn, scanning := make(chan struct{}), make(chan struct{})
	s := openLocal(t, &spamdtest.Server{Choose: func(r spamdtest.Request) spamdtest.Reply {
		if strings.Contains(string(r.Body), "slow") {
			close(scanning)
			<-goOn
		}
		return spamdtest.Reply{}
	}})
	local := s.doors[1].Listener.Addr().String()
	slow := make(chan error, 1)
	first := s
	go func() { slow <- first.send("slow") }()
	<-scanning

	ctx, stop := context.WithCancel(t.Context())
	var messages, greeted atomic.Int64
	var streams sync.WaitGroup
	for range 4 {
		streams.Go(func() { first.stream(ctx, t, &messages) })
	}
	streams.Go(func() { greetings(ctx, t, "tcp", first.smtp, &greeted) })
	streams.Go(func() { greetings(ctx, t, "unix", local, &greeted) })
	var old []*site
	for range 20 {
		next := s.next(t)
		s.log.await(t, "handed over")
		old = append(old, s)
		s = next
	}
	stop()
	streams.Wait()
	close(goOn)
	if err := <-slow; err != nil {
		t.Error("the scan under way:", err)
	}
	for _, o := range old {
		o.ended(t)
	}
	s.stop(t)
	if _, err := os.Stat(local); err == nil {
		t.Error("the last process has left its UNIX socket behind")
	}
	delivered := int64(len(s.hop.Report().Delivered()))
	if want := messages.Load() + 1; delivered != want || messages.Load() < 20 || greeted.Load() < 20 {
		t.Errorf("%d messages and one slow one were taken, %d delivered; %d greetings", messages.Load(), delivered, greeted.Load())
	}
}

func TestPagesAreThoseOfTheNextProcess(t *testing.T) {
	s := openLocal(t, &spamdtest.Server{})
	// A conversation keeps the old process.
	conn, err := net.Dial("tcp", s.smtp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	next := s.next(t)
	s.log.await(t, "handed over: ", "conversations=1")
	if s.status != next.status || s.pages.metrics.Addr().String() != next.pages.metrics.Addr().String() {
		t.Error("they have moved")
	}
	for range 20 {
		if answer, err := ask(t.Context(), address{}, "http://"+s.status+"/readyz"); err != nil {
			t.Fatal(answer, err)
		}
	}
	if next.log.await(t, "taken over: pid="); strings.Contains(next.text(), "has ended") {
		t.Error("it has not")
	}
	conn.Close()
	next.log.await(t, "the process before this one has ended")
	s.ended(t)
}

// text is the log so far.
func (s *site) text() string {
	text, _ := s.log.read()
	return text
}

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
	conn, err := net.Dial("tcp", s.smtp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
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

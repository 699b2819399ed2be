package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"proxyfilter/filter/clamd/clamdtest"
	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/relay/relaytest"
)

// logBook is a log that tests can wait for.
type logBook struct {
	mu    sync.Mutex
	text  bytes.Buffer
	grown chan struct{} // closed and made anew with each write
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.grown != nil {
		close(b.grown)
	}
	b.grown = make(chan struct{})
	return b.text.Write(p)
}

func (b *logBook) read() (string, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.grown == nil {
		b.grown = make(chan struct{})
	}
	return b.text.String(), b.grown
}

// await returns the first line that has all the words.
func (b *logBook) await(t *testing.T, words ...string) string {
	t.Helper()
	return b.awaitFrom(t, 0, words...)
}

// size is where what is written next begins.
func (b *logBook) size() int {
	text, _ := b.read()
	return len(text)
}

// awaitFrom does not look at what is before that byte.
func (b *logBook) awaitFrom(t *testing.T, from int, words ...string) string {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		text, grown := b.read()
	lines:
		for line := range strings.Lines(text[from:]) {
			for _, w := range words {
				if !strings.Contains(line, w) {
					continue lines
				}
			}
			return line
		}
		select {
		case <-grown:
		case <-late:
			t.Fatalf("no line with %q in\n%s", words, text)
		}
	}
}

// site is a daemon between a next hop and a spamd, all on loopback.
type site struct {
	*daemon
	hop     *relaytest.Hop
	log     *logBook
	file    string
	runtime string // RUNTIME_DIRECTORY
	smtp    string
	status  string
	signals chan os.Signal
	done    chan error
}

func startHop(t *testing.T) (*relaytest.Hop, string) {
	t.Helper()
	hop := &relaytest.Hop{}
	return hop, serveHop(t, hop)
}

func serveHop(t *testing.T, hop *relaytest.Hop) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- hop.Serve(ln) }()
	t.Cleanup(func() {
		ln.Close()
		hop.Close()
		<-served
	})
	return ln.Addr().String()
}

func startSpamd(t *testing.T, s *spamdtest.Server) string {
	t.Helper()
	addr, err := s.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return addr.String()
}

func startClamd(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var server clamdtest.Server
	server.Start(ln)
	t.Cleanup(server.Close)
	return ln.Addr().String()
}

// open starts a site. more is put behind the sections that every site needs.
func open(t *testing.T, more string) *site {
	t.Helper()
	return openWith(t, &spamdtest.Server{}, more)
}

func openWith(t *testing.T, spamd *spamdtest.Server, more string) *site {
	t.Helper()
	return openAs(t, spamd, more, true)
}

// openAs says whether the file is one that somebody named, or the default one.
func openAs(t *testing.T, spamd *spamdtest.Server, more string, named bool) *site {
	t.Helper()
	s := newSite(shortDir(t))
	s.configure(t, spamd, &relaytest.Hop{}, more)
	s.start(t, program{named: named})
	return s
}

// configure starts what the daemon stands between, and writes its file.
func (s *site) configure(t *testing.T, spamd *spamdtest.Server, hop *relaytest.Hop, more string) {
	t.Helper()
	s.hop = hop
	s.file = write(t, fmt.Sprintf(`
[server]
listen = ["127.0.0.1:0"]
hostname = "filter.example"
[relay]
next_hop = %q
[spamd]
servers = [%q]
[budget]
spool_dir = %q
[status]
listen = "127.0.0.1:0"
details = "unix:%s/status.sock"
[log]
format = "postfix"
[journal]
dir = %q
[store]
path = %q
%s`, serveHop(t, hop), startSpamd(t, spamd), t.TempDir(), s.runtime, filepath.Join(t.TempDir(), "journal"), filepath.Join(t.TempDir(), "state.db"), more))
}

func newSite(runtime string) *site {
	return &site{runtime: runtime, log: &logBook{}, signals: make(chan os.Signal), done: make(chan error, 1)}
}

// shortDir is a directory for sockets, whose paths have a limit.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pf")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// openFile starts a site with a configuration that is there already, which says
// nothing of addresses.
func openFile(t *testing.T, spamd *spamdtest.Server, file string) *site {
	t.Helper()
	s := newSite(shortDir(t))
	s.file = file
	var hop string
	s.hop, hop = startHop(t)
	s.start(t, program{named: true, options: []string{
		"server.listen=127.0.0.1:0", "relay.next_hop=" + hop, "spamd.servers=" + startSpamd(t, spamd),
		"budget.spool_dir=" + t.TempDir(), "status.listen=127.0.0.1:0", "status.details=unix:" + s.runtime + "/status.sock", "log.format=postfix",
		"journal.dir=" + filepath.Join(t.TempDir(), "journal"), "store.path=" + filepath.Join(t.TempDir(), "state.db"),
	}})
	return s
}

// start runs the daemon as serve does.
func (s *site) start(t *testing.T, p program) {
	t.Helper()
	p.stderr, p.file, p.environ = s.log, s.file, []string{"RUNTIME_DIRECTORY=" + s.runtime}
	c, err := p.load()
	if err != nil {
		t.Fatal(err)
	}
	before, err := p.predecessor(&c.config)
	if err != nil {
		t.Fatal(err)
	}
	if s.daemon, err = p.newDaemon(c, before); err != nil {
		t.Fatal(err)
	}
	s.smtp = s.doors[0].Listener.Addr().String()
	s.status = s.pages.status.Addr().String()
	ahead := s.log.size() // of the line; one of an earlier start may be there
	go func() { s.done <- s.run(s.signals) }()
	t.Cleanup(func() { s.stop(t) })
	s.log.awaitFrom(t, ahead, "serving: ")
}

// stop ends the daemon as systemd does, once.
func (s *site) stop(t *testing.T) {
	if s.done == nil {
		return
	}
	var err error
	select {
	case s.signals <- syscall.SIGTERM:
		err = <-s.done
	case err = <-s.done: // by itself: another process has its place
	}
	if err != nil {
		t.Error(err)
	}
	s.done = nil
}

// say has a conversation as Postfix has: each line when the one before has been
// answered. It gives the replies to the lines; of several lines, the last one.
func (s *site) say(t *testing.T, lines ...string) (replies []string) {
	t.Helper()
	conn, err := net.Dial("tcp", s.smtp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for _, line := range append([]string{"", "EHLO front.example"}, lines...) {
		_ = conn.SetDeadline(time.Now().Add(30 * time.Second)) // for each: there may be thousands
		if line != "" {
			fmt.Fprintf(conn, "%s\r\n", line)
		}
		reply := "   -"
		for reply[3] == '-' {
			if reply, err = in.ReadString('\n'); err != nil || len(reply) < 4 {
				t.Fatalf("after %.60q: %q %v", line, reply, err)
			}
		}
		replies = append(replies, strings.TrimSpace(reply))
	}
	return replies[2:]
}

// send hands over one message and returns what the server said to it.
func (s *site) send(text string) error {
	return smtp.SendMail(s.smtp, nil, "a@example.net", []string{"b@example.org"}, []byte("Subject: hello\r\n\r\n"+text+"\r\n"))
}

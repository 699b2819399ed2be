package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

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

func TestTwentyTakeoversLoseNothing(t *testing.T) {
	spamd, scanning, goOn := holding("slow")
	s := openLocal(t, spamd)
	local := s.doors[1].Listener.Addr().String()
	slow := make(chan error, 1)
	first := s
	go func() { slow <- first.send("slow") }()
	<-scanning

	traffic := s.traffic(t, local)
	var old []*site
	for range 20 {
		next := s.next(t)
		s.log.await(t, "handed over")
		old = append(old, s)
		s = next
	}
	traffic.end()
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
	sent, greeted, delivered := traffic.sent.Load(), traffic.greeted.Load(), int64(len(s.hop.Report().Delivered()))
	if delivered != sent+1 || sent < 20 || greeted < 20 {
		t.Errorf("%d messages and one slow one were taken, %d delivered; %d greetings", sent, delivered, greeted)
	}
}

func TestPagesAreThoseOfTheNextProcess(t *testing.T) {
	s := openLocal(t, &spamdtest.Server{})
	conn := s.conversation(t) // keeps the old process
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

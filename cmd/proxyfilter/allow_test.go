package main

import (
	"bufio"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/relay/relaytest"
)

var toldReference = regexp.MustCompile(`\(ref ([0-9A-Z]{12})\)`)

// from sends a message from a client, and returns the answer.
func (s *site) from(t *testing.T, client, sender string) string {
	t.Helper()
	replies := s.speak(t, "XFORWARD ADDR="+client, "MAIL FROM:<"+sender+">", "RCPT TO:<bob@example.net>", "DATA",
		"From: Ann <ann@example.org>\r\nSubject: x\r\n\r\nhello\r\n.")
	return replies[len(replies)-1]
}

// allow runs the command until the journal has what it is about, and the process answers
// that has the store: both are seen to in the background.
func (s *site) allow(t *testing.T, now func() time.Time, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	for late := time.Now().Add(20 * time.Second); ; {
		var out, errs strings.Builder
		code = run(append([]string{"-c", s.file, "allow"}, args...), program{stdout: &out, stderr: &errs, now: now})
		if code != exitTemporary && !strings.Contains(errs.String(), "nothing about") || time.Now().After(late) {
			return code, out.String(), errs.String()
		}
	}
}

// explained is the story of the newest message with that in it.
func (s *site) explained(t *testing.T, reference string, words ...string) {
	t.Helper()
	for late := time.Now().Add(20 * time.Second); ; {
		var out, errs strings.Builder
		code := run([]string{"-c", s.file, "explain", reference}, program{stdout: &out, stderr: &errs})
		if code != exitFine && time.Now().Before(late) {
			continue
		}
		for _, w := range words {
			if !strings.Contains(out.String(), w) {
				t.Errorf("no %q in\n%s%s", w, out.String(), errs.String())
			}
		}
		return
	}
}

// openShort is a site whose store has a path short enough for a socket beside it.
func openShort(t *testing.T, p program, more string) *site {
	t.Helper()
	s := newSite(shortDir(t))
	s.configure(t, &spamdtest.Server{Reply: spamdtest.Reply{Score: 20}}, &relaytest.Hop{}, more)
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	path := regexp.MustCompile(`path = ".*"`).ReplaceAllString(string(text), `path = "`+filepath.Join(s.runtime, "state.db")+`"`)
	if err := os.WriteFile(s.file, []byte(path), 0o600); err != nil {
		t.Fatal(err)
	}
	p.named = true
	s.start(t, p)
	return s
}

func TestWhatWasRefusedIsAllowedRevokedAndOver(t *testing.T) {
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	s := openShort(t, program{now: now}, "")
	wants := func(when, client, sender, want string) string {
		t.Helper()
		got := s.from(t, client, sender)
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s, <%s> from %s was told %s", when, sender, client, got)
		}
		return got
	}
	ref := toldReference.FindStringSubmatch(wants("at first", "192.0.2.7", "ann@example.org", "550 5.7.1"))[1]
	made := func(args ...string) string {
		t.Helper()
		code, out, errs := s.allow(t, now, append([]string{"--ref", strings.ToLower(ref)}, args...)...)
		if code != exitFine || !strings.Contains(out, ": mail from <ann@example.org> that comes from 192.0.2.0/24 is accepted, until ") {
			t.Fatalf("exit code %d: %s%s", code, out, errs)
		}
		return out[:12]
	}
	id := made()
	wants("allowed", "192.0.2.99", "Ann@Example.org", "250 ")
	line := s.log.await(t, "action=accept, reason=advice, score=20", "exception="+id)
	s.explained(t, strings.Fields(line)[1][:12], "It was allowed by an exception made on ", " for "+ref+", until ", id+": sender+client, 192.0.2.0/24 ann@example.org", "Its score of 20.0 counted for nothing then.")
	wants("allowed", "192.0.3.7", "ann@example.org", "550 ")
	wants("allowed", "192.0.2.7", "bob@example.org", "550 ")

	s.stop(t)
	s.done = make(chan error, 1)
	s.start(t, program{named: true, now: now})
	wants("after a restart", "192.0.2.7", "ann@example.org", "250 ")

	if code, out, _ := s.allow(t, now, "--list"); code != exitFine || !strings.HasPrefix(out, id+"  until ") || !strings.Contains(out, "for "+ref+" of ") {
		t.Errorf("listed: %d, %s", code, out)
	}
	if code, out, errs := s.allow(t, now, "--revoke", strings.ToLower(id)); code != exitFine || out != id+" is revoked: mail from <ann@example.org> that comes from 192.0.2.0/24 is accepted\n" {
		t.Errorf("revoked: %d, %s%s", code, out, errs)
	}
	wants("revoked", "192.0.2.7", "ann@example.org", "550 ")
	if code, _, errs := s.allow(t, now, "--revoke", id); code != exitNo || !strings.Contains(errs, "there is no exception "+id) {
		t.Errorf("revoked twice: %d, %s", code, errs)
	}

	made("--for", "1h")
	ahead.Store(int64(time.Hour - time.Minute))
	wants("in time", "192.0.2.7", "ann@example.org", "250 ")
	ahead.Store(int64(time.Hour))
	wants("expired", "192.0.2.7", "ann@example.org", "550 ")
	if code, out, _ := s.allow(t, now, "--list"); code != exitFine || out != "no exceptions are in force\n" {
		t.Errorf("listed: %d, %s", code, out)
	}
}

// A file that no process has is opened by the command.
func TestWithoutAProcessTheStoreIsOpened(t *testing.T) {
	s := openShort(t, program{}, "")
	ref := toldReference.FindStringSubmatch(s.from(t, "2001:db8::7", "ann@example.org"))[1]
	s.stop(t)
	if code, out, errs := s.allow(t, nil, "--ref", ref, "--sender", "--json"); code != exitFine || !strings.Contains(out, `"kind": "sender"`) {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	s.done = make(chan error, 1)
	s.start(t, program{named: true})
	if got := s.from(t, "198.51.100.1", "ann@example.org"); !strings.HasPrefix(got, "250 ") {
		t.Error(got)
	}
	s.log.await(t, "action=tag, reason=score", "exception=")
	code, out, _ := s.allow(t, nil, "--list", "--json")
	var all []allowed
	if err := json.Unmarshal([]byte(out), &all); code != exitFine || err != nil || len(all) != 1 || all[0].Name != "ann@example.org" || all[0].Accepted || all[0].Reference != ref {
		t.Errorf("%d, %v: %s", code, err, out)
	}
}

// The socket is there for whoever may open the file, and no longer than the process.
func TestTheSocketBesideTheStoreIsForItsOwner(t *testing.T) {
	s := openShort(t, program{}, "")
	path := filepath.Join(s.runtime, "state.db.sock")
	if code, _, errs := s.allow(t, nil, "--list"); code != exitFine {
		t.Fatal(code, errs)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	s.stop(t)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// While the process before has the file, it is asked, and knows what it is told.
func TestTheNextProcessKnowsTheExceptions(t *testing.T) {
	s := openShort(t, program{}, "")
	ref := toldReference.FindStringSubmatch(s.from(t, "192.0.2.7", "ann@example.org"))[1]
	if code, _, errs := s.allow(t, nil, "--ref", ref, "--client"); code != exitFine {
		t.Fatal(errs)
	}
	conn, err := net.Dial("tcp", s.smtp) // a conversation keeps the old process
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	n := s.next(t)
	if got := n.from(t, "192.0.2.7", "x@example.org"); !strings.HasPrefix(got, "250 ") {
		t.Error(got)
	}
	code, out, errs := s.allow(t, nil, "--list", "--json")
	if code != exitFine || strings.Count(out, `"id"`) != 1 {
		t.Errorf("%d: %s%s", code, out, errs)
	}
	if log, _ := n.log.read(); strings.Contains(log, "exceptions: ") {
		t.Error(log) // later it may be cut off by the end of the process that it asks
	}
	conn.Close()
	s.ended(t)
	<-n.store.(*fileStore).opened
	if got := n.from(t, "192.0.2.7", "x@example.org"); !strings.HasPrefix(got, "250 ") {
		t.Error(got)
	}
	if code, out, errs := n.allow(t, nil, "--list", "--json"); code != exitFine || strings.Count(out, `"id"`) != 1 {
		t.Errorf("by the next process: %d: %s%s", code, out, errs)
	}
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/relay/relaytest"
)

// marker stands for what nobody but sender and recipient may read. It is in the
// body and the header of each message, and in what spamd and the next hop say about
// it, since spamd's report and a next hop out of step repeat content. What a next hop
// says as a proper reply, and spamd as the text of an error or of a rule, are these
// programs' own words, which log and journal have.
const marker = "xyzzy-plugh-7261"

// rulesTable is the part of spamd's report that is read.
const rulesTable = `Content analysis details:

 pts rule name              description
---- ---------------------- --------------------------------------------------
 1.0 RULE                   BODY: a rule
`

func secret(body string) []byte {
	return []byte("Subject: " + marker + "\r\nX-Note: " + marker + "\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n" +
		"Message-ID: <1@example.net>\r\n\r\n" + marker + "\r\n" + body + "\r\n")
}

func TestNoFaultOfSpamdBringsContentIntoTheLog(t *testing.T) {
	for name, reply := range map[string]spamdtest.Reply{
		"none":                  {},
		"a preview of the mail": {Raw: "SPAMD/1.1 0 EX_OK\r\nSpam: False ; 1.0 / 5.0\r\n\r\nContent preview:  " + marker + " [...]\n\n" + rulesTable},
		"an error":              {Code: 75, Text: "EX_TEMPFAIL"},
		"nonsense":              {Raw: marker + "\r\n\r\n" + marker},
		"no status":             {Raw: "SPAMD/" + marker + " 0 EX_OK\r\n\r\n"},
		"a wrong header":        {Raw: "SPAMD/1.1 0 EX_OK\r\n" + marker + "\r\n\r\n"},
		"a wrong length field":  {Raw: "SPAMD/1.1 0 EX_OK\r\nContent-length: " + marker + "\r\nSpam: False ; 0.0 / 5.0\r\n\r\n"},
		"a wrong score":         {Raw: "SPAMD/1.1 0 EX_OK\r\nSpam: False ; " + marker + " / 5.0\r\n\r\n"},
		"a wrong table":         {Raw: "SPAMD/1.1 0 EX_OK\r\nSpam: False ; 0.0 / 5.0\r\n\r\n pts rule name\n---- ----\n" + marker + "\n 1.0 " + marker + "\n"},
		"a wrong length":        {WrongLength: 5},
		"a drop in the answer":  {Drop: spamdtest.InReply},
		"a reset":               {Reset: spamdtest.AtMessage},
		"silence":               {Hang: spamdtest.AtReply},
		"own words":             {Raw: "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 20.0 / 5.0\r\n\r\n" + marker + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openSecretive(t, &spamdtest.Server{Reply: reply}, &relaytest.Hop{})
			s.quiet(t, s.deliver(secret("hello")))
			s.log.await(t, "action=")
		})
	}
}

func TestNoFaultOfTheNextHopBringsContentIntoTheLog(t *testing.T) {
	faults := map[string]relaytest.Fault{
		"nonsense":     {Reply: marker},
		"half a reply": {Reply: "250-" + marker, Drop: true},
		"an odd code":  {Reply: "999 " + marker},
		"two codes":    {Reply: "250-ok\r\n550 " + marker},
		"endless":      {Reply: "250-" + marker, Endless: true},
		"a long line":  {Reply: "250 " + strings.Repeat(marker, 2000)},
		"two replies":  {Reply: marker, Twice: true},
		"silence":      {Hang: true},
		"a reset":      {Reset: true},
	}
	for _, stage := range relaytest.Stages() {
		for name, fault := range faults {
			t.Run(string(stage)+" "+name, func(t *testing.T) {
				t.Parallel()
				hop := &relaytest.Hop{At: map[relaytest.Stage]relaytest.Fault{stage: fault}}
				s := openSecretive(t, &spamdtest.Server{}, hop)
				s.quiet(t, s.deliver(secret(strings.Repeat("x\r\n", 1000))))
			})
		}
	}
}

func TestNoFaultOfTheClientBringsContentIntoTheLog(t *testing.T) {
	for name, said := range map[string]string{
		"content that is cut off":         "DATA\r\n" + string(secret("")),
		"bytes after the end of data":     "DATA\r\n" + string(secret("")) + ".\r\n" + marker + "\r\n",
		"content without DATA":            string(secret("")) + ".\r\n",
		"content in a chunk":              "BDAT 100 LAST\r\n" + string(secret("")),
		"a bare line feed at the end":     "DATA\r\n" + marker + "\n.\n" + marker + "\r\n.\r\nQUIT\r\n",
		"an endless command":              strings.Repeat(marker, 1000) + "\r\n",
		"a command with control bytes":    "NOOP \x00" + marker + "\r\n",
		"a header that is no header":      "DATA\r\n" + marker + "\r\nX-Spam-Flag: " + marker + "\r\n\r\n.\r\nQUIT\r\n",
		"more Received than a loop has":   "DATA\r\n" + strings.Repeat("Received: "+marker+"\r\n", 60) + "\r\n.\r\nQUIT\r\n",
		"more forged fields than we mend": "DATA\r\n" + strings.Repeat("X-Spam-Flag: "+marker+"\r\n", 2000) + "\r\n.\r\nQUIT\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openSecretive(t, &spamdtest.Server{}, &relaytest.Hop{})
			conn, err := net.Dial("tcp", s.smtp)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(20 * time.Second))
			fmt.Fprintf(conn, "EHLO x\r\n")
			// Postfix never sends ahead; whoever does is the worst case.
			fmt.Fprintf(conn, "MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\n%s", said)
			conn.(*net.TCPConn).CloseWrite()
			replies, _ := io.ReadAll(conn)
			if bytes.Contains(replies, []byte(marker)) {
				t.Errorf("the client is told:\n%s", replies)
			}
			s.quiet(t, nil)
		})
	}
}

func TestFullSpoolDoesNotBringContentIntoTheLog(t *testing.T) {
	s := openSecretive(t, &spamdtest.Server{}, &relaytest.Hop{})
	if err := os.RemoveAll(s.config.Budget.SpoolDir); err != nil {
		t.Fatal(err)
	}
	err := s.deliver(secret(strings.Repeat("x\r\n", 200_000)))
	if err == nil || !strings.HasPrefix(err.Error(), "451 ") {
		t.Errorf("told %v", err)
	}
	s.log.await(t, "reason=internal")
	s.quiet(t, err)
}

// openSecretive is a site that logs everything it can, under a clock for tests.
func openSecretive(t *testing.T, spamd *spamdtest.Server, hop *relaytest.Hop) *site {
	t.Helper()
	s := newSite(shortDir(t))
	s.configure(t, spamd, hop, "")
	s.start(t, program{named: true, options: []string{
		"log.level=debug", "server.drain=200ms", "relay.connect_timeout=200ms",
		"budget.wait=50ms", "budget.verdict=100ms", "budget.commit=200ms", "budget.reply=250ms",
	}})
	return s
}

// deliver is a whole conversation with a message.
func (s *site) deliver(content []byte) error {
	return smtp.SendMail(s.smtp, nil, "a@example.net", []string{"b@example.org"}, content)
}

// quiet ends the process and looks through everything it has said to anybody but
// the two ends of the message, and through what it has left on the disk.
func (s *site) quiet(t *testing.T, told error) {
	t.Helper()
	if told != nil && strings.Contains(told.Error(), marker) {
		t.Errorf("the client is told: %v", told)
	}
	for _, page := range []string{"/", "/metrics", "/healthz"} {
		text, err := ask(t.Context(), address{}, "http://"+s.status+page)
		if err != nil || strings.Contains(text, marker) {
			t.Errorf("%s: %v: %s", page, err, text)
		}
	}
	s.stop(t)
	for line := range strings.Lines(s.text()) {
		if strings.Contains(line, marker) {
			t.Errorf("in the log: %s", line)
		}
	}
	for _, dir := range []string{s.config.Journal.Dir, filepath.Dir(s.config.Store.Path), s.config.Budget.SpoolDir} {
		for _, file := range files(t, dir) {
			if data, err := os.ReadFile(file); err != nil || bytes.Contains(data, []byte(marker)) {
				t.Errorf("in %s (%v)", file, err)
			}
		}
	}
}

// files are those below a directory, if there is one.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && entry.Type().IsRegular() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestCoreDumpsAreOffUnlessTheyAreAskedFor(t *testing.T) {
	for _, test := range []struct {
		name, traceback string
		dumpable        bool
	}{
		{"usually", "all", false},
		{"on request", "crash", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("GOTRACEBACK", test.traceback)
			s := backend(t, &spamdtest.Server{})
			p := s.serving(t, "127.0.0.1:0", nil)
			defer p.Wait()
			defer p.Process.Signal(syscall.SIGTERM)
			log, _ := p.log.read() // what is remarked stands before "serving"
			if warned := strings.Contains(log, "warning: a core dump may hold the mail under way"); warned != test.dumpable {
				t.Error("warned:", warned)
			}
			// The kernel gives the files of a process that may not be dumped to root. What
			// root's own processes have does not tell.
			info, err := os.Stat(fmt.Sprintf("/proc/%d/environ", p.Process.Pid))
			if err != nil {
				t.Fatal(err)
			}
			if os.Getuid() != 0 && (info.Sys().(*syscall.Stat_t).Uid == 0) == test.dumpable {
				t.Error("other processes of our user can read the memory:", !test.dumpable)
			}
		})
	}
}

func TestSpoolFilesHaveNoNameAndAreForNobodyElse(t *testing.T) {
	scanning, goOn := make(chan struct{}), make(chan struct{})
	s := backend(t, &spamdtest.Server{Choose: func(r spamdtest.Request) spamdtest.Reply {
		if r.Command != "PING" {
			close(scanning)
			<-goOn
		}
		return spamdtest.Reply{}
	}})
	// The kernel shows the descriptors of a process that may not be dumped to root only.
	t.Setenv("GOTRACEBACK", "crash")
	dir := t.TempDir()
	t.Setenv("PROXYFILTER_BUDGET_SPOOL_DIR", dir)
	p := s.serving(t, "127.0.0.1:0", nil)
	s.smtp = p.address(t)
	sent := make(chan error, 1)
	go func() { sent <- s.deliver(secret(strings.Repeat("large\r\n", 100_000))) }()
	<-scanning
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("in the directory: %v %v", entries, err)
	}
	var spools int
	descriptors, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range descriptors {
		to, err := os.Readlink(fd)
		if err != nil || !strings.HasPrefix(to, dir) {
			continue
		}
		spools++
		info, err := os.Stat(fd)
		if err != nil {
			t.Fatal(err)
		}
		if links := info.Sys().(*syscall.Stat_t).Nlink; links != 0 || info.Mode().Perm() != 0o600 || !strings.HasSuffix(to, " (deleted)") {
			t.Errorf("%s has mode %v and %d names", to, info.Mode(), links)
		}
	}
	if spools != 1 {
		t.Errorf("%d spool files in use, want 1", spools)
	}
	close(goOn)
	if err := <-sent; err != nil {
		t.Error(err)
	}
	p.Process.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
}

func TestFilesAreForNobodyElse(t *testing.T) {
	umask := syscall.Umask(0) // the loosest there is
	defer syscall.Umask(umask)
	s := open(t, "")
	if err := s.send("hello"); err != nil {
		t.Fatal(err)
	}
	s.stop(t)
	all := append(files(t, s.config.Journal.Dir), s.config.Store.Path)
	if len(all) < 3 {
		t.Errorf("only %q", all)
	}
	for _, file := range all {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
}

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/integration/rig"
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
		if stage == relaytest.RSET {
			continue // which we never say
		}
		for name, fault := range faults {
			t.Run(string(stage)+" "+name, func(t *testing.T) {
				t.Parallel()
				hop := &relaytest.Hop{At: map[relaytest.Stage]relaytest.Fault{stage: fault}, Announce: append(relaytest.Postfix(), "XCLIENT NAME ADDR PROTO HELO PORT")}
				client := "xforward"
				if stage == relaytest.XCLIENT {
					client = "xclient"
				}
				s := openSecretive(t, &spamdtest.Server{}, hop, "relay.client="+client)
				s.quiet(t, s.meets(t, stage))
				rig.Eventually(t, "the fault", func() bool { return hop.Report().Faults > 0 }) // QUIT is not waited for
			})
		}
	}
}

// meets delivers until the next hop's fault at the stage has been met: time is short
// here, and can be over before that. It returns what the client was told.
func (s *site) meets(t *testing.T, stage relaytest.Stage) error {
	t.Helper()
	var told []error
	rig.Eventually(t, "the fault", func() bool {
		err := s.deliver(secret(strings.Repeat("x\r\n", 1000+len(told)))) // another one each time
		told = append(told, err)
		hop := s.hop.Report()
		switch stage {
		case relaytest.QUIT: // comes with the end of a connection that was kept
			return err == nil
		case relaytest.Idle: // is noticed with the next message, which needs another one
			return hop.Faults > 0 && hop.Connections > 1
		}
		return hop.Faults > 0
	})
	return errors.Join(told...)
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
			in := bufio.NewReader(conn)
			fmt.Fprintf(conn, "HELO x\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\n")
			for _, want := range []string{"220 ", "250 ", "250 2.1.0", "250 2.1.5"} {
				if reply, err := in.ReadString('\n'); !strings.HasPrefix(reply, want) {
					t.Fatalf("%q, %v, want %s", reply, err, want)
				}
			}
			// Postfix never sends ahead; whoever does is the worst case.
			io.WriteString(conn, said)
			conn.(*net.TCPConn).CloseWrite()
			replies, _ := io.ReadAll(in)
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
func openSecretive(t *testing.T, spamd *spamdtest.Server, hop *relaytest.Hop, options ...string) *site {
	t.Helper()
	s := newSite(shortDir(t))
	s.configure(t, spamd, hop, "")
	s.start(t, program{named: true, options: append(options,
		"log.level=debug", "server.drain=200ms", "relay.connect_timeout=200ms",
		"budget.wait=50ms", "budget.verdict=100ms", "budget.commit=200ms", "budget.reply=250ms",
	)})
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

package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// spamd answers as SpamAssassin's daemon does, without looking: one connection
// a request, read up to the client's half-close, one reply with Content-length,
// and the connection closed.
type spamd struct {
	delay    time.Duration
	children chan struct{} // nil: as many at once as come
	buffers  sync.Pool

	scans, busy, most atomic.Int64
}

// tally is what the stand-in tells.
type tally struct {
	Scans int64 // REPORT, SYMBOLS, CHECK and their like
	Most  int64 // connections that waited for an answer at the same time
}

// runSpamd serves until its standard input ends; each line there is answered
// with the tally, and starts a new one.
func runSpamd(ctx context.Context, args []string, con console) error {
	flags := flag.NewFlagSet("spamd", flag.ContinueOnError)
	flags.SetOutput(con.err)
	listen := flags.String("listen", "127.0.0.1:0", "address")
	delay := flags.Duration("delay", 0, "how long a scan takes")
	children := flags.Int("children", 0, "scans at once; others wait silently, as with spamd; 0: no limit")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s := &spamd{delay: *delay}
	if *children > 0 {
		s.children = make(chan struct{}, *children)
	}
	return serve(ctx, *listen, con, s.talk, func(string) (any, error) {
		return tally{s.scans.Swap(0), s.most.Swap(0)}, nil
	})
}

// talk serves one request.
func (s *spamd) talk(conn net.Conn) {
	defer conn.Close()
	for most, now := s.most.Load(), s.busy.Add(1); now > most; most = s.most.Load() {
		if s.most.CompareAndSwap(most, now) {
			break
		}
	}
	_ = conn.SetDeadline(time.Now().Add(silence))
	buf, _ := s.buffers.Get().(*bytes.Buffer)
	if buf == nil {
		buf = bytes.NewBuffer(make([]byte, 0, sinkBuffer))
	}
	defer s.buffers.Put(buf)
	buf.Reset()
	_, err := buf.ReadFrom(io.LimitReader(conn, maxSize))
	var answer []byte
	if err == nil {
		answer = s.answer(buf.Bytes())
	}
	s.busy.Add(-1) // before the answer leaves: a client may use its slot again at once
	_, _ = conn.Write(answer)
}

// answer is the reply to a whole request.
func (s *spamd) answer(request []byte) []byte {
	verb, err := readRequest(request)
	if err != nil {
		return []byte("SPAMD/1.0 76 Bad header line: " + err.Error() + "\r\n")
	}
	switch verb {
	case "PING":
		return []byte("SPAMD/1.5 0 PONG\r\n")
	case "REPORT", "REPORT_IFSPAM":
		s.scan()
		return reply(report)
	case "SYMBOLS":
		s.scan()
		return reply(symbols)
	case "CHECK":
		s.scan()
		return reply("")
	}
	return []byte("SPAMD/1.0 76 Bad header line: " + verb + "\r\n")
}

// scan takes the time of one scan.
func (s *spamd) scan() {
	s.scans.Add(1)
	if s.children != nil {
		s.children <- struct{}{}
		defer func() { <-s.children }()
	}
	if s.delay > 0 {
		time.Sleep(s.delay)
	}
}

// readRequest gives the verb of a request whose body is as long as it says.
func readRequest(request []byte) (verb string, err error) {
	head, body, whole := bytes.Cut(request, []byte("\r\n\r\n"))
	lines := strings.Split(strings.TrimSuffix(string(head), "\r\n"), "\r\n")
	verb, version, _ := strings.Cut(lines[0], " ")
	if !strings.HasPrefix(version, "SPAMC/1.") {
		return "", fmt.Errorf("no protocol version in %q", lines[0])
	}
	if verb == "PING" {
		return verb, nil
	}
	if !whole {
		return "", errors.New("no end of the header")
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		if !strings.EqualFold(name, "Content-length") {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimSpace(value)); err != nil || n != len(body) {
			return "", fmt.Errorf("Content-Length mismatch: %d bytes, %q", len(body), line)
		}
	}
	return verb, nil
}

// reply wraps a body as spamd does: CRLF in the header, LF in the body.
func reply(body string) []byte {
	return fmt.Appendf(nil, "SPAMD/1.1 0 EX_OK\r\nContent-length: %d\r\nSpam: False ; 0.9 / 5.0\r\n\r\n%s", len(body), body)
}

const symbols = "DKIM_SIGNED,HTML_MESSAGE,MISSING_HEADERS,SPF_HELO_NONE,T_SCC_BODY_TEXT_LINE"

// report is in SpamAssassin's own layout, with as many rules as an ordinary
// message has.
const report = `Spam detection software, running on the system "scan.bench.test",
has NOT identified this incoming email as spam.  The original
message has been attached to this so you can view it or label
similar future email.  If you have any questions, see
the administrator of that system for details.

Content preview:  The quick brown fox jumps over the lazy dog and goes on its
   way

Content analysis details:   (0.9 points, 5.0 required)

 pts rule name              description
---- ---------------------- --------------------------------------------------
 0.1 DKIM_SIGNED            Message has a DKIM or DK signature, not
                            necessarily valid
 0.0 HTML_MESSAGE           BODY: HTML included in message
 0.8 MISSING_HEADERS        Missing To: header
 0.0 SPF_HELO_NONE          SPF: HELO does not publish an SPF Record
 0.0 T_SCC_BODY_TEXT_LINE   No description available.

`

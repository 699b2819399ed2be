package relay

import (
	"bufio"
	"context"
	"io"
	"log"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"proxyfilter/filter"
	"proxyfilter/relay/relaytest"
)

// Each case here is a defect of go-smtp's server in the place of front. The same
// dialogue is played with go-smtp bare, where the defect must show, so that a
// release that mends it is noticed, and with front, where it must not.

// bareSession is as simple as a backend can be.
type bareSession struct {
	from, to string
	messages *[]string
}

func (s *bareSession) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }
func (s *bareSession) Rcpt(to string, _ *smtp.RcptOptions) error   { s.to += "<" + to + ">"; return nil }
func (s *bareSession) Reset()                                      { s.to = "" }
func (s *bareSession) Logout() error                               { return nil }
func (s *bareSession) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	*s.messages = append(*s.messages, s.from+" "+s.to+" "+string(content))
	return nil
}

// bare plays a dialogue with go-smtp alone and returns the messages it took.
func bare(t *testing.T, play func(p *postfix)) (messages []string) {
	t.Helper()
	l := relaytest.Listen()
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &bareSession{messages: &messages}, nil
	}))
	srv.ReadTimeout, srv.ErrorLog, srv.MaxLineLength = time.Minute, log.New(io.Discard, "", 0), 0
	done := make(chan struct{})
	go func() { defer close(done); srv.Serve(l) }()
	conn, err := l.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	p := &postfix{t: t, conn: conn, r: bufio.NewReader(conn)}
	p.expect("220")
	defer func() { srv.Close(); <-done; synctest.Wait() }()
	defer conn.Close()
	play(p)
	return messages
}

// guarded plays it with front, and returns what reached the next hop.
func guarded(t *testing.T, play func(p *postfix)) (messages []string) {
	c := newChain(t, func(c *chain) { c.server.IdleTimeout = time.Minute })
	func() {
		defer c.end()
		p := c.dial()
		defer p.close()
		play(p)
	}()
	for _, d := range c.hop.Report().Delivered() {
		messages = append(messages, strings.Trim(d.Mail, "<>")+" "+strings.Join(d.Recipients, "")+" "+string(d.Content))
	}
	return messages
}

func TestDefectsOfBareGoSMTP(t *testing.T) {
	for _, tc := range []struct {
		name   string
		play   func(p *postfix)
		defect func(messages []string) bool
		want   []string // through front
	}{
		{"after a silence in the content, its rest is executed as commands", func(p *postfix) {
			p.envelope()
			p.write("first\r\n")
			time.Sleep(90 * time.Second) // virtual
			io.WriteString(p.conn, "MAIL FROM:<forged@x>\r\nRCPT TO:<victim@y>\r\nDATA\r\nspam\r\n.\r\n")
			for p.reply() != "" {
				p.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			}
		}, func(m []string) bool { return len(m) == 1 && strings.Contains(m[0], "victim") }, nil},
		{"a body that ends in CR CR LF never ends", func(p *postfix) {
			p.envelope()
			p.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
			p.write("last\r\r\n.\r\n")
			p.reply()
		}, func(m []string) bool { return len(m) == 0 }, []string{"a@example.net <b@example.org> last\r\n"}},
		{"BDAT that is cut short counts as complete", func(p *postfix) {
			p.say("EHLO x", "250")
			p.say("MAIL FROM:<a@b>", "250")
			p.say("RCPT TO:<c@d>", "250")
			p.write("BDAT 1000 LAST\r\nhalf a message")
			p.conn.(*relaytest.Conn).CloseWrite()
			p.reply()
		}, func(m []string) bool { return len(m) == 1 }, nil},
		{"the postmaster cannot be written to", func(p *postfix) {
			p.say("EHLO x", "250")
			p.say("MAIL FROM:<a@b>", "250")
			p.write("RCPT TO:<postmaster>\r\nDATA\r\n")
			p.reply()
			if strings.HasPrefix(p.reply(), "354") {
				p.say("x\r\n.", "250")
			}
		}, func(m []string) bool { return len(m) == 0 }, []string{"a@b <postmaster> x\r\n"}},
		{"a quoted local part loses its quotes", func(p *postfix) {
			p.say("EHLO x", "250")
			p.say(`MAIL FROM:<"al ice"@b.c>`, "250")
			p.say("RCPT TO:<c@d>", "250")
			p.say("DATA", "354")
			p.say("x\r\n.", "250")
		}, func(m []string) bool { return strings.HasPrefix(m[0], "al ice@b.c") }, []string{`"al ice"@b.c <c@d> x` + "\r\n"}},
		{"recipients of an abandoned transaction stay", func(p *postfix) {
			p.say("EHLO x", "250")
			p.say("MAIL FROM:<a@b>", "250")
			p.say("RCPT TO:<c@d>", "250")
			p.write("MAIL FROM:<e@f>\r\n")
			p.reply()
			p.say("DATA", "354")
			p.say("x\r\n.", "250")
		}, func(m []string) bool { return strings.HasPrefix(m[0], "e@f <c@d>") }, []string{"a@b <c@d> x\r\n"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := bare(t, tc.play); !tc.defect(got) {
					t.Errorf("go-smtp has changed, the defect does not show: %q", got)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				if got := guarded(t, tc.play); strings.Join(got, "|") != strings.Join(tc.want, "|") {
					t.Errorf("through front: %q, want %q", got, tc.want)
				}
			})
		})
	}
}

// A panic in Logout kills a process that uses go-smtp bare: it is not inside
// go-smtp's recover. The session contains it.
func TestPanicAtTheEndOfAConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t, func(c *chain) { c.server.Record = func(filter.Record) { panic("observer") } })
		p := c.dial()
		p.say("EHLO x", "250")
		p.say("MAIL FROM:<a@b>", "250")
		p.say("RCPT TO:<c@d>", "250")
		p.close()
		synctest.Wait()
		again := c.dial()
		again.say("QUIT", "221")
		again.close()
		c.end()
	})
}

var _ net.Conn = (*front)(nil)

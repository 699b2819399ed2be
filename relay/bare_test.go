package relay

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"proxyfilter/relay/relaytest"
)

// Each case is a defect of go-smtp's server in the place of front. The same
// dialogue is played with go-smtp bare, where the defect must show, so that a
// release that mends it is noticed, and with front, where it must not.
type defect struct {
	name string
	play func(p *postfix)

	bare  func(*smtp.Server) // nil: as below
	fault error              // what the backend says to the content
	shows func(took []string, heard string) bool

	front func(*chain)
	want  []string // what reaches the next hop
	heard string   // how the last reply begins; empty: not looked at
}

// nothing is a defect that costs a good message.
func nothing(took []string, _ string) bool { return len(took) == 0 }

// bareSession is as simple as a backend can be.
type bareSession struct {
	from, to string
	fault    error
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
	return s.fault
}

// bare plays a dialogue with go-smtp alone and returns the messages it took, and
// its last reply.
func (d defect) playBare(t *testing.T) (messages []string, heard string) {
	t.Helper()
	l := relaytest.Listen()
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &bareSession{messages: &messages, fault: d.fault}, nil
	}))
	srv.ReadTimeout, srv.ErrorLog, srv.MaxLineLength = time.Minute, log.New(io.Discard, "", 0), 0
	if d.bare != nil {
		d.bare(srv)
	}
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
	d.play(p)
	return messages, p.heard
}

// playGuarded plays it with front, and returns what reached the next hop.
func (d defect) playGuarded(t *testing.T) (messages []string, heard string) {
	c := newChain(t, func(c *chain) {
		c.server.IdleTimeout = time.Minute
		if d.front != nil {
			d.front(c)
		}
	})
	func() {
		defer c.end()
		p := c.dial()
		defer p.close()
		d.play(p)
		heard = p.heard
	}()
	for _, m := range c.hop.Report().Delivered() {
		messages = append(messages, strings.Trim(m.Mail, "<>")+" "+strings.Join(m.Recipients, "")+" "+string(m.Content))
	}
	return messages, heard
}

func (d defect) test(t *testing.T) {
	t.Run(d.name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			if got, heard := d.playBare(t); !d.shows(got, heard) {
				t.Errorf("go-smtp has changed, the defect does not show: %.300q, %.300q", got, heard)
			}
		})
		synctest.Test(t, func(t *testing.T) {
			got, heard := d.playGuarded(t)
			if strings.Join(got, "|") != strings.Join(d.want, "|") || !strings.HasPrefix(heard, d.heard) {
				t.Errorf("through front: %.300q, %.300q, want %.300q, %q", got, heard, d.want, d.heard)
			}
		})
	})
}

// open opens a transaction.
func (p *postfix) open(mail string) {
	p.say("EHLO x", "250")
	p.say(mail, "250")
	p.say("RCPT TO:<c@d>", "250")
}

// try sends a command and goes on to the end of a message if it is taken.
func (p *postfix) try(command string, rest ...string) {
	p.write(command + "\r\n")
	for _, next := range rest {
		if heard := p.reply(); heard == "" || heard[0] > '3' {
			return
		}
		p.write(next + "\r\n")
	}
	p.reply()
}

func TestDefectsOfBareGoSMTPInContent(t *testing.T) {
	for _, d := range []defect{
		{
			name: "after a silence in the content, its rest is executed as commands",
			play: func(p *postfix) {
				p.envelope()
				p.write("first\r\n")
				time.Sleep(90 * time.Second) // virtual
				io.WriteString(p.conn, "MAIL FROM:<forged@x>\r\nRCPT TO:<victim@y>\r\nDATA\r\nspam\r\n.\r\n")
				for p.reply() != "" {
					p.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
				}
			},
			shows: func(m []string, _ string) bool { return len(m) == 1 && strings.Contains(m[0], "victim") },
		},
		{
			name: "a sender that is slow, but not silent, loses its message",
			play: func(p *postfix) {
				p.envelope()
				for range 3 {
					p.write("line\r\n")
					time.Sleep(40 * time.Second)
				}
				io.WriteString(p.conn, ".\r\n")
				p.reply()
			},
			shows: nothing,
			want:  []string{"a@example.net <b@example.org> line\r\nline\r\nline\r\n"},
		},
		{
			name: "a body that ends in CR CR LF never ends",
			play: func(p *postfix) {
				p.envelope()
				p.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
				p.write("last\r\r\n.\r\n")
				p.reply()
			},
			shows: nothing,
			want:  []string{"a@example.net <b@example.org> last\r\n"},
		},
		{
			name: "a stuffed dot behind CR CR LF stays stuffed",
			play: func(p *postfix) {
				p.envelope()
				p.say("a\r\r\n..b\r\n.", "250")
			},
			shows: func(m []string, _ string) bool { return strings.HasSuffix(m[0], "\n..b\r\n") },
			want:  []string{"a@example.net <b@example.org> a\r\n.b\r\n"},
		},
		{
			name: "a CR behind a dot at the start of a line is lost",
			play: func(p *postfix) {
				p.envelope()
				p.say(".\rx\r\n.", "250")
			},
			shows: func(m []string, _ string) bool { return !strings.Contains(m[0], "\rx") },
			want:  []string{"a@example.net <b@example.org>  x\r\n"},
		},
		{
			name: "a line of 5000 bytes costs the message",
			play: func(p *postfix) {
				p.envelope()
				io.WriteString(p.conn, strings.Repeat("x", 5000)+"\r\n.\r\n")
				p.reply()
			},
			bare:  func(s *smtp.Server) { s.MaxLineLength = 2000 }, // its default
			shows: nothing,
			want:  []string{"a@example.net <b@example.org> " + strings.Repeat("x", 5000) + "\r\n"},
		},
		{
			name: "a message of just the size allowed is refused",
			play: func(p *postfix) {
				p.envelope()
				p.write(strings.Repeat("x", 98) + "\r\n.\r\n")
				p.reply()
			},
			bare:  func(s *smtp.Server) { s.MaxMessageBytes = 100 },
			shows: func(_ []string, heard string) bool { return strings.HasPrefix(heard, "552") },
			front: func(c *chain) { c.server.MaxMessage = 100 },
			want:  []string{"a@example.net <b@example.org> " + strings.Repeat("x", 98) + "\r\n"},
		},
		{
			name: "BDAT that is cut short counts as complete",
			play: func(p *postfix) {
				p.open("MAIL FROM:<a@b>")
				p.write("BDAT 1000 LAST\r\nhalf a message")
				p.conn.(*relaytest.Conn).CloseWrite()
				p.reply()
			},
			shows: func(m []string, _ string) bool { return len(m) == 1 },
		},
		{
			name: "a fault of ours is told to the sender, and for good",
			play: func(p *postfix) {
				p.envelope()
				p.write("x\r\n.\r\n")
				p.reply()
			},
			fault: errors.New("dial tcp 10.1.2.3:783: connection refused"),
			shows: func(_ []string, heard string) bool {
				return strings.HasPrefix(heard, "554") && strings.Contains(heard, "10.1.2.3")
			},
			front: func(c *chain) { c.back.Refuse(true) }, heard: "451 4.4.1 ",
		},
		{
			name: "of a refusal in two lines only one has its enhanced code",
			play: func(p *postfix) {
				p.envelope()
				p.write("x\r\n.\r\n")
				p.reply()
			},
			fault: &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "a\nb"},
			shows: func(_ []string, heard string) bool { return heard == "550-a\r\n550 5.7.1 b\r\n" },
			front: func(c *chain) {
				c.hop.At = map[relaytest.Stage]relaytest.Fault{relaytest.Dot: {Reply: "550-5.7.1 a\r\n550 5.7.1 b"}}
			}, heard: "550-5.7.1 a\r\n550 5.7.1 b\r\n",
		},
	} {
		d.test(t)
	}
}

var _ net.Conn = (*front)(nil)

package relaytest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// errEnded ends a conversation that a fault or QUIT has ended.
var errEnded = errors.New("the conversation has ended")

// maxLine is Postfix's line_length_limit.
const maxLine = 2048

// conversation is one connection. Its transaction is an index into the report,
// or -1.
type conversation struct {
	hop       *Hop
	conn      net.Conn
	number    int
	r         *bufio.Reader
	helo      string
	forward   map[string]string
	xclient   map[string]string
	current   int
	rcpts     int // RCPT commands in this transaction
	accepted  int // of these, the accepted ones
	pipelines bool
	wasUsed   bool
}

func newConversation(h *Hop, conn net.Conn, number int) *conversation {
	return &conversation{hop: h, conn: conn, number: number, r: bufio.NewReaderSize(conn, 64<<10), current: -1}
}

func (c *conversation) run() {
	err := c.answer("220 "+c.hostname()+" ESMTP Postfix", Greeting)
	for err == nil {
		var line string
		if line, err = c.line(); err == nil {
			err = c.execute(line)
		}
	}
}

func (c *conversation) hostname() string {
	if c.hop.Hostname != "" {
		return c.hop.Hostname
	}
	return "hop.example"
}

// line reads one command line, and is strict about its end.
func (c *conversation) line() (string, error) {
	if err := c.idle(); err != nil {
		return "", err
	}
	line, err := c.r.ReadString('\n')
	if err != nil {
		if line != "" {
			c.hop.violation(c.number, "a command was cut: %.80q", line)
		}
		return "", err
	}
	text, ok := strings.CutSuffix(line, "\r\n")
	if !ok || strings.ContainsAny(text, "\r\n\x00") {
		c.hop.violation(c.number, "a command with a wrong line end or NUL: %.80q", line)
	}
	if len(line) > maxLine {
		c.hop.violation(c.number, "a command of %d bytes", len(line))
	}
	c.hop.command(text)
	return text, nil
}

// idle plays what a kept connection meets.
func (c *conversation) idle() error {
	if !c.wasUsed || c.current >= 0 {
		return nil
	}
	c.wasUsed = false
	f, ok := c.hop.fault(Idle, 0)
	if !ok {
		return nil
	}
	return c.play(f, "421 4.4.2 "+c.hostname()+" Error: timeout exceeded")
}

// lockstep notes bytes that came before the reply they should have waited for.
func (c *conversation) lockstep(after string) {
	if n := c.r.Buffered(); n > 0 {
		ahead, _ := c.r.Peek(n)
		c.hop.violation(c.number, "%d bytes came ahead of the reply to %s: %.80q", n, after, ahead)
	}
}

// answer says the usual reply, or does what a fault at the stage says.
func (c *conversation) answer(usual string, stage Stage) error {
	_, err := c.decide(usual, stage, 0)
	return err
}

// decide is answer, and tells whether what was said is a 2xx or 3xx.
func (c *conversation) decide(usual string, stage Stage, nth int) (accepted bool, err error) {
	f, ok := c.hop.fault(stage, nth)
	if !ok {
		return positive(usual), c.say(usual, 0)
	}
	return c.decideWith(f, usual)
}

func (c *conversation) decideWith(f Fault, usual string) (accepted bool, err error) {
	accepted = positive(usual)
	if f.Reply != "" {
		accepted = positive(f.Reply)
	}
	if f.speechless() || f.Endless {
		accepted = f.Take
	}
	return accepted, c.play(f, usual)
}

func positive(reply string) bool {
	return strings.HasPrefix(reply, "2") || strings.HasPrefix(reply, "3")
}

// play does what a fault says.
func (c *conversation) play(f Fault, usual string) error {
	if err := c.pause(f.Delay); err != nil {
		return err
	}
	if f.Stall {
		<-c.hop.quit
		return errEnded
	}
	if f.Hang {
		io.Copy(io.Discard, c.r)
		return errEnded
	}
	if err := c.reply(f, usual); err != nil {
		return err
	}
	if f.Reset {
		reset(c.conn)
	}
	if f.Drop || f.Reset {
		return errEnded
	}
	return nil
}

func (c *conversation) reply(f Fault, usual string) error {
	if f.speechless() {
		return nil
	}
	text := usual
	if f.Reply != "" {
		text = f.Reply
	}
	if f.Twice {
		text += "\r\n" + text
	}
	for f.Endless {
		if err := c.say("250-and so on", f.Drip); err != nil {
			return err
		}
	}
	return c.say(text, f.Drip)
}

func (c *conversation) say(text string, drip time.Duration) error {
	b := []byte(text + "\r\n")
	if drip == 0 {
		_, err := c.conn.Write(b)
		return err
	}
	for i := range b {
		if err := c.pause(drip); err != nil {
			return err
		}
		if _, err := c.conn.Write(b[i : i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (c *conversation) pause(d time.Duration) error {
	if d == 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c.hop.quit:
		return errEnded
	}
}

// reset closes with a reset, in memory or over TCP.
func reset(conn net.Conn) {
	switch c := conn.(type) {
	case interface{ Reset() }:
		c.Reset()
	case interface{ SetLinger(seconds int) error }:
		c.SetLinger(0)
	}
}

func (c *conversation) fail(code int, format string, args ...any) error {
	return c.say(fmt.Sprintf("%d %s", code, fmt.Sprintf(format, args...)), 0)
}

package dialogue

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// patience is how long a client waits for a reply. It is longer than anything
// that the program may take.
const patience = 10 * time.Minute

// glance is how long "S: silence" listens.
const glance = 20 * time.Millisecond

// client is one connection to the front door.
type client struct {
	conn net.Conn
	r    *bufio.Reader

	spoke, heard time.Time

	inContent bool
	content   []byte // as sent, from 354 on
	writeErr  error
}

func newClient(conn net.Conn) *client {
	return &client{conn: conn, r: bufio.NewReader(conn), spoke: time.Now()}
}

// say sends. An error is kept for the next reply that does not come: a server
// may close while we still send.
func (c *client) say(b []byte) {
	c.spoke = time.Now()
	if c.inContent {
		c.content = append(c.content, b...)
		if ended(c.content) {
			c.inContent = false
		}
	}
	if err := c.conn.SetWriteDeadline(c.spoke.Add(patience)); err != nil {
		c.writeErr = err
		return
	}
	if _, err := c.conn.Write(b); err != nil {
		c.writeErr = err
	}
}

func ended(content []byte) bool {
	return bytes.Contains(content, []byte("\r\n.\r\n")) || bytes.HasPrefix(content, []byte(".\r\n"))
}

// unstuffed is the content that was sent, up to its end.
func (c *client) unstuffed() []byte {
	content := append([]byte("\r\n"), c.content...)
	content, _, _ = bytes.Cut(content, []byte("\r\n.\r\n"))
	content = bytes.ReplaceAll(append(content, "\r\n"...), []byte("\r\n."), []byte("\r\n"))
	return content[2:]
}

// hear reads one reply; its lines are joined with " | ".
func (c *client) hear() (string, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	var reply []string
	for {
		line, err := c.r.ReadString('\n')
		c.heard = time.Now()
		if err != nil {
			if line != "" || len(reply) > 0 {
				err = fmt.Errorf("a reply was cut: %q: %w", strings.Join(append(reply, line), " | "), err)
			}
			return "", err
		}
		reply = append(reply, strings.TrimSuffix(line, "\r\n"))
		if len(line) < 4 || line[3] != '-' {
			break
		}
	}
	text := strings.Join(reply, " | ")
	if strings.HasPrefix(text, "354") {
		c.inContent, c.content = true, nil
	}
	return text, nil
}

// closed wants the end of the stream, with nothing before it.
func (c *client) closed() error {
	text, err := c.hear()
	var timeout net.Error
	switch {
	case err == nil:
		return fmt.Errorf("heard %q", text)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("still open after %v", patience)
	case strings.Contains(err.Error(), "was cut"):
		return err
	}
	return nil
}

// silent wants nothing to read, not even the end.
func (c *client) silent() error {
	if err := c.conn.SetReadDeadline(time.Now().Add(glance)); err != nil {
		return err
	}
	b, err := c.r.Peek(1)
	switch {
	case len(b) > 0:
		rest, _ := c.r.Peek(c.r.Buffered())
		return fmt.Errorf("heard %.200q", rest)
	case errors.Is(err, io.EOF):
		return errors.New("the connection is closed")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	}
	return err
}

func (c *client) reset() {
	switch conn := c.conn.(type) {
	case interface{ Reset() }:
		conn.Reset()
		return
	case interface{ SetLinger(seconds int) error }:
		conn.SetLinger(0)
	}
	c.conn.Close()
}

func (c *client) halfClose() error {
	half, ok := c.conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.New("this connection has no halves")
	}
	return half.CloseWrite()
}

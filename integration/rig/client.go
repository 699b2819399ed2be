package rig

import (
	"context"
	"fmt"
	"net"
	"net/textproto"
	"time"
)

// clientTimeout bounds each reply. It is above every limit of the site, so that
// running into it is a finding.
const clientTimeout = 120 * time.Second

// Stranger is a loopback address outside of mynetworks: a client that connects
// from it is a remote one to Postfix.
const Stranger = "127.0.0.2"

// Client speaks SMTP line by line and adds nothing of its own, so that tests can
// say what no mail program would.
type Client struct {
	conn net.Conn
	text *textproto.Conn
}

// Dial connects from the given loopback address and reads the greeting.
func Dial(ctx context.Context, address, from string) (*Client, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &Client{conn: conn, text: textproto.NewConn(conn)}
	if reply, err := c.Read(); err != nil || reply.Code != 220 {
		conn.Close()
		return nil, fmt.Errorf("greeting of %s: %v %w", address, reply, err)
	}
	return c, nil
}

// Reply is what the server said.
type Reply struct {
	Code int
	Text string // lines are separated by LF
}

// String is the reply in one line.
func (r Reply) String() string { return fmt.Sprintf("%d %s", r.Code, r.Text) }

// Read reads one reply.
func (c *Client) Read() (Reply, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(clientTimeout)); err != nil {
		return Reply{}, err
	}
	code, text, err := c.text.ReadResponse(0)
	return Reply{code, text}, err
}

// Write sends bytes as they are.
func (c *Client) Write(b []byte) (int, error) {
	if err := c.conn.SetWriteDeadline(time.Now().Add(clientTimeout)); err != nil {
		return 0, err
	}
	return c.conn.Write(b)
}

// Say sends one command and reads its reply.
func (c *Client) Say(command string) (Reply, error) {
	if _, err := c.Write([]byte(command + "\r\n")); err != nil {
		return Reply{}, err
	}
	return c.Read()
}

// Data sends content, which must be dot-stuffed and end in CRLF, and the final
// dot after DATA was answered with 354. It returns the last reply.
func (c *Client) Data(content []byte) (Reply, error) {
	reply, err := c.Say("DATA")
	if err != nil || reply.Code != 354 {
		return reply, err
	}
	if _, err := c.Write(content); err != nil {
		return Reply{}, err
	}
	return c.Say(".")
}

// Reset hangs up with RST, as the kernel of a machine does that was switched off
// and on again.
func (c *Client) Reset() error {
	if tcp, ok := c.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	return c.conn.Close()
}

// Close hangs up without QUIT.
func (c *Client) Close() error { return c.conn.Close() }

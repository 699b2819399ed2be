package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// The commands of Postfix's proxy client, in its order (smtpd_proxy.c). The
// envelope commands are copies of what the remote client typed.
const (
	cmdEhlo     = "EHLO mx.bench.test\r\n"
	cmdXforward = "XFORWARD NAME=mail.example.org ADDR=198.51.100.7 PORT=4711 HELO=mail.example.org" +
		" IDENT=[UNAVAILABLE] PROTO=ESMTP SOURCE=REMOTE\r\n"
	cmdMail = "MAIL FROM:<sender@example.org>\r\n"
	cmdRcpt = "RCPT TO:<recipient@bench.test>\r\n"
	cmdData = "DATA\r\n"
	cmdQuit = "QUIT\r\n"
	cmdDot  = ".\r\n"
)

// client is Postfix's side of one worker: one connection and one message at a
// time. Its buffers are used again.
type client struct {
	addr    string
	timeout time.Duration // for a whole message
	ready   func()        // if set: called when all but the final dot is sent
	buf     [4 << 10]byte
	used    int // bytes of buf that hold the last reply
	flight  []byte
}

// send delivers one message over a connection of its own and returns the reply
// to it. An error says at which step the conversation broke off.
func (c *client) send(ctx context.Context, wire []byte) (code int, took time.Duration, err error) {
	start := time.Now()
	dialer := net.Dialer{Timeout: c.timeout, KeepAlive: -1} // TCP_NODELAY is Go's default
	conn, err := dialer.DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return 0, 0, fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(start.Add(c.timeout))
	if code, err = c.envelope(conn); err != nil {
		return code, 0, err
	}
	if err := c.content(conn, wire); err != nil {
		return 0, 0, fmt.Errorf("content: %w", err)
	}
	code, err = c.reply(conn, "end of data")
	took = time.Since(start)
	if err != nil {
		return 0, took, err
	}
	// Postfix closes without waiting for 221, and nobody may mind.
	_, _ = conn.Write([]byte(cmdQuit))
	return code, took, nil
}

// envelope goes up to 354, one command a round trip.
func (c *client) envelope(conn net.Conn) (int, error) {
	if code, err := c.expect(conn, "greeting", 220); err != nil {
		return code, err
	}
	for _, step := range []struct {
		command string
		want    int
	}{{cmdEhlo, 250}, {cmdXforward, 250}, {cmdMail, 250}, {cmdRcpt, 250}, {cmdData, 354}} {
		if _, err := conn.Write([]byte(step.command)); err != nil {
			return 0, fmt.Errorf("%.4s: %w", step.command, err)
		}
		if code, err := c.expect(conn, step.command[:4], step.want); err != nil {
			return code, err
		}
		// Postfix forwards the client only to who asks for it. Here a filter
		// that does not would look cheaper than it is.
		if step.command == cmdEhlo && !bytes.Contains(c.buf[:c.used], []byte("XFORWARD NAME ADDR")) {
			return 0, errors.New("no XFORWARD in the reply to EHLO")
		}
	}
	return 0, nil
}

// content writes the message and its end. Postfix has both in one write, as
// long as they fit its buffer.
func (c *client) content(conn net.Conn, wire []byte) error {
	if c.ready == nil {
		c.flight = append(append(c.flight[:0], wire...), cmdDot...)
		_, err := conn.Write(c.flight)
		return err
	}
	if _, err := conn.Write(wire); err != nil {
		return err
	}
	c.ready()
	_, err := conn.Write([]byte(cmdDot))
	return err
}

// expect reads a reply of a wanted code.
func (c *client) expect(conn net.Conn, step string, want int) (int, error) {
	code, err := c.reply(conn, step)
	if err == nil && code != want {
		err = fmt.Errorf("%s: answered %d", step, code)
	}
	return code, err
}

// reply reads one reply, of one line or several, which c.buf then holds.
func (c *client) reply(conn net.Conn, step string) (int, error) {
	for c.used = 0; c.used < len(c.buf); {
		n, err := conn.Read(c.buf[c.used:])
		if err != nil {
			return 0, fmt.Errorf("%s: %w", step, err)
		}
		c.used += n
		code, whole := readReply(c.buf[:c.used])
		if whole && code == 0 {
			return 0, fmt.Errorf("%s: cannot read the reply %.60q", step, c.buf[:c.used])
		}
		if whole {
			return code, nil
		}
	}
	return 0, fmt.Errorf("%s: endless reply", step)
}

// readReply gives the code of a complete reply; 0 when it is complete and no
// reply at all. Bytes after it are never right, since nothing was asked.
func readReply(b []byte) (code int, whole bool) {
	if len(b) < 2 || b[len(b)-2] != '\r' || b[len(b)-1] != '\n' {
		return 0, false
	}
	last := b[bytes.LastIndexByte(b[:len(b)-2], '\n')+1:]
	if len(last) < len("250 \r\n") {
		return 0, true
	}
	if last[3] == '-' {
		return 0, false
	}
	for _, digit := range last[:3] {
		if digit < '0' || digit > '9' {
			return 0, true
		}
		code = code*10 + int(digit-'0')
	}
	if last[3] != ' ' {
		return 0, true
	}
	return code, true
}

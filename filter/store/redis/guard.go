package redis

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// The limits of what the server says. The longest honest things are a value, the
// list of modules in the reply to HELLO, and error texts of some hundred bytes.
const (
	maxReply = 64 << 10 // bytes, to one thing that we write
	maxLine  = 1024     // bytes, of a line that begins or is a reply
	maxItems = 64       // of a list
)

// guard is a connection that passes on nothing which could harm the client library.
// That makes room for as many bytes as a length announces, and ends the program where
// there is no such room; and it calls itself for each list within a list.
type guard struct {
	net.Conn
	said said
}

// Read reads what is within the limits. After an error the connection is useless.
func (g *guard) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if bad := g.said.check(p[:n]); bad != nil {
		return 0, bad
	}
	return n, err
}

// Write begins a command, and so a reply.
func (g *guard) Write(p []byte) (int, error) {
	g.said.total = 0
	return g.Conn.Write(p)
}

// SyscallConn lets the library look whether the server has closed a connection that
// was kept. Over TLS it must not look: there may be something below that is no data.
func (g *guard) SyscallConn() (syscall.RawConn, error) {
	if c, plain := g.Conn.(syscall.Conn); plain {
		return c.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// dial connects to the server.
func (s *Store) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if s.server.TLS == nil {
		return &guard{Conn: conn}, nil
	}
	secure := tls.Client(conn, s.server.TLS)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return struct{ net.Conn }{&guard{Conn: secure}}, nil // without SyscallConn
}

// said follows what the server says (RESP, the protocol of redis): lines, of which
// one that begins with "$" announces so many bytes and CRLF behind it.
type said struct {
	total int    // bytes since we wrote something
	left  int    // bytes that were announced, and CRLF
	line  []byte // the beginning of a line
}

// check takes the next bytes, in pieces of any size.
func (s *said) check(b []byte) error {
	if s.total += len(b); s.total > maxReply {
		return fmt.Errorf("a reply of more than %d bytes", maxReply)
	}
	for len(b) > 0 {
		if n := min(s.left, len(b)); n > 0 {
			s.left -= n
			b = b[n:]
			continue
		}
		end := bytes.IndexByte(b, '\n') + 1
		if end == 0 {
			end = len(b)
		}
		if len(s.line)+end > maxLine {
			return fmt.Errorf("a line of more than %d bytes", maxLine)
		}
		s.line = append(s.line, b[:end]...)
		b = b[end:]
		if s.line[len(s.line)-1] != '\n' {
			return nil
		}
		if err := s.begin(s.line); err != nil {
			return err
		}
		s.line = s.line[:0]
	}
	return nil
}

// begin reads a line that begins a reply, or a part of one.
func (s *said) begin(line []byte) error {
	text, whole := bytes.CutSuffix(line, []byte("\r\n"))
	if !whole || len(text) == 0 {
		return fmt.Errorf("%.40q is no reply of redis", line)
	}
	switch text[0] {
	case '+', '-', ':', '_', ',', '#', '(':
		return nil
	case '$', '=', '!':
		n, err := length(text, MaxValue)
		s.left = n + len("\r\n")
		if n < 0 {
			s.left = 0 // there is no such thing
		}
		return err
	case '*', '%', '~', '>', '|':
		_, err := length(text, maxItems)
		return err
	}
	return fmt.Errorf("%.40q is no reply of redis", line)
}

func length(text []byte, most int) (int, error) {
	n, err := strconv.Atoi(string(text[1:]))
	if err != nil || n < -1 || n > most {
		return 0, fmt.Errorf("%.40q announces what is not within -1 and %d", text, most)
	}
	return n, nil
}

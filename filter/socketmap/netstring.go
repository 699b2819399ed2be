package socketmap

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// maxReply is the longest reply, as in Postfix (SOCKETMAP_MAX_REPLY in
// dict_sockmap.c).
const maxReply = 100000

// appendNetstring adds a netstring.
func appendNetstring(b []byte, parts ...string) []byte {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	b = append(strconv.AppendInt(b, int64(size), 10), ':')
	for _, p := range parts {
		b = append(b, p...)
	}
	return append(b, ',')
}

// readNetstring reads one. Its length is checked before there is memory for it.
func readNetstring(r *bufio.Reader) ([]byte, error) {
	size, digits := 0, 0
	for {
		c, err := r.ReadByte()
		switch {
		case err != nil:
			return nil, fmt.Errorf("read the length of the reply: %w", cutOff(err))
		case c == ':' && digits > 0:
			return readRest(r, size)
		case c < '0' || c > '9' || digits > 0 && size == 0:
			return nil, fmt.Errorf("the reply is no netstring: %q in its length", c)
		}
		size, digits = 10*size+int(c-'0'), digits+1
		if size > maxReply {
			return nil, fmt.Errorf("the reply is longer than %d bytes", maxReply)
		}
	}
}

func readRest(r *bufio.Reader, size int) ([]byte, error) {
	b := make([]byte, size+1)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("read the reply: %w", cutOff(err))
	}
	if b[size] != ',' {
		return nil, fmt.Errorf("the reply is no netstring: %q at its end", b[size])
	}
	return b[:size], nil
}

// cutOff is an end that came too early.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// meaning is what a reply says.
func meaning(reply []byte) (value string, found bool, err error) {
	word, rest, _ := bytes.Cut(reply, []byte(" "))
	switch string(word) {
	case "OK":
		return string(rest), true, nil
	case "NOTFOUND":
		return "", false, nil
	case "TEMP", "TIMEOUT", "PERM":
		return "", false, fmt.Errorf("the server says %s %q", word, shortened(rest))
	}
	return "", false, fmt.Errorf("the server says %q, which the protocol does not have", shortened(reply))
}

// maxQuoted bounds what of a server's words goes into an error.
const maxQuoted = 200

func shortened(b []byte) []byte { return b[:min(len(b), maxQuoted)] }

// conn is a connection, used for one question at a time.
type conn struct {
	net.Conn
	r *bufio.Reader
}

func newConn(raw net.Conn) *conn { return &conn{raw, bufio.NewReaderSize(raw, 512)} }

// ask has the deadline of its context, and ends when the context does.
func (c *conn) ask(ctx context.Context, name, key string) ([]byte, error) {
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return nil, fmt.Errorf("set a deadline: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := c.Write(appendNetstring(nil, name, " ", key)); err != nil {
		return nil, fmt.Errorf("ask: %w", err)
	}
	reply, err := readNetstring(c.r)
	if err == nil && c.r.Buffered() > 0 {
		return nil, errors.New("the server says more than it was asked")
	}
	return reply, err
}

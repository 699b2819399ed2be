package clamd

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"proxyfilter/filter"
)

const (
	command = "zINSTREAM\x00" // z: commands and replies end in NUL

	// bufferSize is one write: a command, a chunk with its length, and the empty
	// chunk behind the last one. Most mail is smaller and goes out in one.
	bufferSize = 64 << 10
	chunkHead  = 4
)

// attempt asks once. It has a slot, and when it returns the slot is free, or the
// business of a goroutine that needs nothing of the message.
func (s *Scanner) attempt(ctx context.Context, c filter.Content, n int64) (found filter.Rule, err error) {
	kept := false
	defer func() {
		if !kept {
			s.release()
		}
	}()
	begin := time.Now()
	conn, err := s.dial(ctx)
	if err != nil {
		s.record(err)
		return found, err
	}
	cut := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = conn.SetDeadline(time.Unix(1, 0))
		close(cut)
	})
	defer func() {
		if !kept {
			stop()
			_ = conn.Close()
		}
	}()
	found, handed, err := s.converse(conn, c, n)
	if err != nil && ctx.Err() != nil {
		if !stop() {
			<-cut // what it sets must not come after what keep sets
		}
		kept = handed && s.keep(conn, begin, errors.Is(ctx.Err(), context.DeadlineExceeded))
		return found, ctx.Err()
	}
	s.record(err)
	return found, err
}

func (s *Scanner) dial(ctx context.Context) (net.Conn, error) {
	dialing, cancel := context.WithTimeout(ctx, s.config.ConnectTimeout)
	defer cancel()
	conn, err := s.config.Dial(dialing, s.config.Network, s.config.Address)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return nil, &unreachable{err}
}

// converse hands the first n bytes over, and reads the answer. Handed says that clamd
// has all of it.
func (s *Scanner) converse(conn net.Conn, c filter.Content, n int64) (found filter.Rule, handed bool, err error) {
	err = s.send(conn, c, n)
	early := closedByPeer(err)
	if err != nil && !early {
		return found, false, err
	}
	line, err := receive(conn)
	if err != nil {
		return found, !early, err
	}
	found, err = parse(line)
	if err == nil && early { // a refusal may come early, an answer may not
		err = fmt.Errorf("%w: it came before the message had been read", errGarbled)
	}
	return found, !early, err
}

func (s *Scanner) send(conn net.Conn, c filter.Content, n int64) error {
	b, _ := s.buffers.Get().(*[]byte)
	if b == nil {
		fresh := make([]byte, 0, bufferSize)
		b = &fresh
	}
	defer s.buffers.Put(b)
	buf := append((*b)[:0], command...)
	for at := int64(0); ; {
		if size := min(n-at, int64(bufferSize-len(buf)-2*chunkHead)); size > 0 {
			buf = binary.BigEndian.AppendUint32(buf, uint32(size))
			chunk := buf[len(buf) : len(buf)+int(size)]
			if got, err := c.ReadAt(chunk, at); got < len(chunk) {
				return &unreadable{fmt.Errorf("read the message: %w", err)}
			}
			buf, at = buf[:len(buf)+int(size)], at+size
		}
		if at == n {
			_, err := conn.Write(binary.BigEndian.AppendUint32(buf, 0))
			return err
		}
		if _, err := conn.Write(buf); err != nil {
			return err
		}
		buf = buf[:0]
	}
}

// closedByPeer: clamd may answer and close while the message is on its way. Its words
// are worth more than our EPIPE.
func closedByPeer(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.ErrClosedPipe)
}

// maxReply is far above the name of any virus.
const maxReply = 4 << 10

// receive reads one line up to its NUL, which nothing may follow.
func receive(conn net.Conn) (string, error) {
	var buf [maxReply]byte
	for have := 0; ; {
		got, err := conn.Read(buf[have:])
		for i := have; i < have+got; i++ {
			if buf[i] == 0 && i == have+got-1 {
				return string(buf[:i]), nil
			}
			if buf[i] == 0 {
				return "", fmt.Errorf("%w: something came behind it", errGarbled)
			}
		}
		have += got
		switch {
		case have == len(buf):
			return "", fmt.Errorf("%w: longer than %d bytes", errGarbled, maxReply)
		case errors.Is(err, io.EOF) && have > 0:
			return "", fmt.Errorf("%w: it ends in its middle", errGarbled)
		case errors.Is(err, io.EOF), closedByPeer(err):
			return "", &silence{err}
		case err != nil:
			return "", err
		}
	}
}

package spamdtest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// line is a connection that can be waited for.
type line struct {
	net.Conn
	once sync.Once
	done chan struct{} // closed by Close
}

// Close closes the connection and ends every wait on it.
func (l *line) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Conn.Close()
}

// pause passes the time. That the client has gone does not end it: a child of
// spamd goes on with its message too.
func (l *line) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-l.done:
	case <-t.C:
	}
}

// stop carries out a fault that belongs to the stage, and reports whether the
// conversation is over.
func (r Reply) stop(conn *line, at Stage) bool {
	switch at {
	case r.Hang:
		<-conn.done
	case r.Reset:
		if tcp, ok := conn.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // Close then sends RST
		}
	}
	return r.stops(at)
}

func (r Reply) stops(at Stage) bool { return r.Hang == at || r.Drop == at || r.Reset == at }

// converse has one conversation, from the request to the answer.
func (s *Server) converse(conn *line) {
	w, _ := s.spaces.Get().(*workspace)
	if w == nil {
		w = &workspace{in: bufio.NewReaderSize(nil, 64<<10)}
	}
	defer s.spaces.Put(w)
	w.in.Reset(conn)
	var r Reply // without faults, until there is something to choose by
	if s.Choose == nil {
		r = s.reply(Request{})
	}
	if r.stop(conn, AtConnect) {
		return
	}
	req, err := readHeader(w.in)
	if err == nil {
		if r.stop(conn, AtHeader) || r.early(conn) || r.halfway(conn, w.in, req) {
			return
		}
		w.body, err = readMessage(w.in, req.Length, w.body[:0])
	}
	if err != nil {
		_, _ = fmt.Fprintf(conn, "SPAMD/1.0 76 Bad header line: (%v)\r\n", err)
		return
	}
	req.Body = w.body
	s.note(req)
	if s.Choose != nil {
		r = s.Choose(req)
	}
	r.answer(conn, req, w)
}

func (r Reply) early(conn net.Conn) bool {
	if r.Early {
		_, _ = conn.Write(r.print(nil, ""))
	}
	return r.Early
}

func (r Reply) halfway(conn *line, in io.Reader, req Request) bool {
	if !r.stops(AtMessage) {
		return false
	}
	_, _ = io.CopyN(io.Discard, in, int64(max(1, req.Length)/2))
	return r.stop(conn, AtMessage)
}

func (r Reply) answer(conn *line, req Request, w *workspace) {
	if r.HalfClose {
		_, _ = io.Copy(io.Discard, w.in)
	}
	if r.stop(conn, AtReply) {
		return
	}
	conn.pause(r.Delay)
	if bytes.Contains(req.Body, []byte(GTUBE)) {
		r = r.spam()
	}
	w.out = r.print(w.out[:0], req.Command)
	if r.stops(InReply) {
		_, _ = conn.Write(w.out[:len(w.out)/2])
		r.stop(conn, InReply)
		return
	}
	if err := r.write(conn, w.out); err == nil && r.NoFIN {
		<-conn.done
	}
}

func (r Reply) write(conn net.Conn, out []byte) error {
	step := len(out)
	if r.Dribble {
		step = 1
	}
	for len(out) > 0 {
		n, err := conn.Write(out[:min(step, len(out))])
		if err != nil {
			return err
		}
		out = out[n:]
	}
	if !r.Endless {
		return nil
	}
	for row := []byte(strings.Repeat(" 0.1 A_RULE                 and so on\n", 100)); ; {
		if _, err := conn.Write(row); err != nil {
			return err
		}
	}
}

// workspace is what a child needs. They are pooled: a stand-in that answers at
// once must not be what a benchmark measures.
type workspace struct {
	in   *bufio.Reader
	body []byte
	out  []byte
}

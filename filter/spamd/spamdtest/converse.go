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
		reset(conn.Conn)
	}
	return r.stops(at)
}

// reset makes the close that follows a reset, over TCP or in memory.
func reset(conn net.Conn) {
	switch c := conn.(type) {
	case interface{ SetLinger(seconds int) error }:
		_ = c.SetLinger(0)
	case interface{ Reset() }:
		c.Reset()
	}
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
	if bytes.Contains(req.Body, []byte(GTUBE)) {
		r = r.spam()
	}
	r.answer(conn, req, w)
}

// words are the answer: ours, or another spamd's.
func (r Reply) words(dst []byte, req Request) []byte {
	if r.Upstream != "" && r.Raw == "" && r.Code == 0 {
		return req.ask(r.Upstream, dst)
	}
	return r.print(dst, req.Command)
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
	w.out = r.words(w.out[:0], req)
	for _, at := range [...]Stage{InReply, InStatus, InFields, InBody} {
		if r.stops(at) {
			from, to := part(w.out, at)
			_, _ = conn.Write(w.out[:(from+to)/2])
			r.stop(conn, at)
			return
		}
	}
	if err := r.write(conn, w.out); err == nil && r.NoFIN {
		<-conn.done
	}
}

// part is where a part of an answer begins and ends; any other stage means all.
func part(out []byte, at Stage) (from, to int) {
	status := bytes.Index(out, []byte("\r\n")) + len("\r\n")
	fields := max(status, bytes.Index(out, []byte("\r\n\r\n"))+len("\r\n\r\n"))
	switch at {
	case InStatus:
		return 0, status
	case InFields:
		return status, fields
	case InBody:
		return fields, len(out)
	}
	return 0, len(out)
}

func (r Reply) write(conn *line, out []byte) error {
	step := len(out)
	if r.Dribble || r.Drip.Pause > 0 {
		step = 1
	}
	from, to := part(out, r.Drip.In)
	for at := 0; at < len(out); {
		if at >= from && at < to {
			conn.pause(r.Drip.Pause)
		}
		n, err := conn.Write(out[at:min(at+step, len(out))])
		if err != nil {
			return err
		}
		at += n
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

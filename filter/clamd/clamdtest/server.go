// Package clamdtest is a clamd whose faults and habits are fields.
//
// It behaves like clamd 1.4 where nothing else is asked for: one INSTREAM per
// connection, in chunks; the answer in one line with a NUL; more than StreamMaxLength
// is answered with an error while the rest is on its way, and closed. A message that
// bears Worm has a virus. It reads no attachments: a real clamd does that.
package clamdtest

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// Worm is the virus that it knows, and WormName its name.
const (
	Worm     = "proxyfilter-test-worm-7f3a"
	WormName = "Own.Test.Worm.UNOFFICIAL"
)

// Stage is a place in the conversation.
type Stage uint8

// The stages. The zero Stage is nowhere.
const (
	Nowhere   Stage = iota
	AtConnect       // before anything is read
	AtMessage       // the first chunk is read
	AtReply         // the message is read, nothing is answered
	InReply         // half of the answer is written
)

// Habits are how it answers, and what goes wrong. The zero Habits are an honest clamd.
type Habits struct {
	StreamMaxLength int64         // 0: no limit
	Delay           time.Duration // before the answer
	Hang            Stage         // there it falls silent until the client leaves
	Deaf            bool          // while it hangs, it reads nothing
	Drop            Stage         // there it closes the connection
	Say             string        // in place of the right answer, as it is
	Endless         bool          // the answer never ends
	Dribble         bool          // one byte at a time
}

// Server is one clamd. Set the habits with Become, before or between conversations.
type Server struct {
	mu       sync.Mutex
	habits   Habits
	messages []string
	opened   int
	closed   bool
	conns    map[net.Conn]struct{}
	lns      []net.Listener
	wait     sync.WaitGroup
}

// Become changes the habits of later conversations.
func (s *Server) Become(h Habits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.habits = h
}

// Messages are those that were handed over whole, in the order of their ends.
func (s *Server) Messages() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.messages...)
}

// Conversations counts connections so far.
func (s *Server) Conversations() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// Start serves ln in the background until it is closed.
func (s *Server) Start(ln net.Listener) {
	s.mu.Lock()
	s.lns = append(s.lns, ln)
	s.mu.Unlock()
	s.wait.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			s.wait.Go(func() { s.serve(conn) })
		}
	})
}

// Close ends the listeners and all conversations.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for _, ln := range s.lns {
		_ = ln.Close()
	}
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.wait.Wait()
}

func (s *Server) serve(conn net.Conn) {
	defer conn.Close()
	s.mu.Lock()
	if s.conns == nil {
		s.conns = map[net.Conn]struct{}{}
	}
	s.conns[conn] = struct{}{}
	h, closed := s.habits, s.closed
	s.opened++
	s.mu.Unlock()
	if !closed {
		s.converse(conn, h)
	}
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
}

// over carries out a fault that belongs to the stage.
func (h Habits) over(conn net.Conn, at Stage) bool {
	if h.Hang == at && h.Deaf {
		time.Sleep(time.Hour)
	}
	if h.Hang == at {
		_, _ = io.Copy(io.Discard, conn) // until the client leaves
	}
	return h.Hang == at || h.Drop == at
}

var errLimit = errors.New("the stream is too long")

func (s *Server) converse(conn net.Conn, h Habits) {
	if h.over(conn, AtConnect) {
		return
	}
	message, err := s.read(conn, h)
	answer := "stream: OK\x00"
	switch {
	case errors.Is(err, errLimit):
		answer = "INSTREAM size limit exceeded. ERROR\x00"
	case err != nil:
		return
	case strings.Contains(message, Worm):
		answer = "stream: " + WormName + " FOUND\x00"
	}
	if err == nil {
		s.mu.Lock()
		s.messages = append(s.messages, message)
		s.mu.Unlock()
	}
	if h.Say != "" {
		answer = h.Say
	}
	if h.over(conn, AtReply) {
		return
	}
	time.Sleep(h.Delay)
	h.write(conn, answer)
}

// read takes a command and its chunks.
func (s *Server) read(conn net.Conn, h Habits) (string, error) {
	const command = "zINSTREAM\x00"
	said := make([]byte, len(command))
	if _, err := io.ReadFull(conn, said); err != nil || string(said) != command {
		return "", errors.Join(err, errors.New("not INSTREAM"))
	}
	var message strings.Builder
	for {
		var head [4]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return "", err
		}
		n := int64(binary.BigEndian.Uint32(head[:]))
		if n == 0 {
			return message.String(), nil
		}
		if h.StreamMaxLength > 0 && int64(message.Len())+n > h.StreamMaxLength {
			return "", errLimit
		}
		if _, err := io.CopyN(&message, conn, n); err != nil {
			return "", err
		}
		if h.over(conn, AtMessage) {
			return "", io.ErrUnexpectedEOF
		}
	}
}

func (h Habits) write(conn net.Conn, answer string) {
	if h.Hang == InReply || h.Drop == InReply {
		_, _ = io.WriteString(conn, answer[:len(answer)/2])
		h.over(conn, InReply)
		return
	}
	for h.Endless {
		if _, err := io.WriteString(conn, strings.Repeat("x", 1000)); err != nil {
			return
		}
	}
	step := len(answer)
	if h.Dribble {
		step = 1
	}
	for ; len(answer) > 0; answer = answer[step:] {
		if _, err := io.WriteString(conn, answer[:step]); err != nil {
			return
		}
	}
}

// Package socketmaptest is a server of Postfix's socketmap protocol whose faults are
// fields. It reads requests by itself, with none of the client's code, so that the two
// cannot agree on a mistake.
package socketmaptest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
)

// Faults are what a server does otherwise than it should. The zero Faults are none.
type Faults struct {
	Reply  string // in place of every reply, without its netstring: "TEMP out of order"
	Raw    string // in place of every reply, as it is
	Behind string // is sent behind every reply
	Drop   bool   // the connection ends in place of a reply
	Hang   bool   // no reply comes
	Once   bool   // the connection ends behind its first reply
}

// Server answers from a table. Change it with Set only.
type Server struct {
	mu       sync.Mutex
	name     string
	values   map[string]string
	faults   Faults
	requests []string
	conns    map[net.Conn]struct{}
	most     int
	listener net.Listener
	ended    sync.WaitGroup
}

// New makes a server of one map.
func New(name string, values map[string]string) *Server {
	return &Server{name: name, values: values, conns: map[net.Conn]struct{}{}}
}

// Listen begins to serve.
func (s *Server) Listen(network, address string) (net.Addr, error) {
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.listener = l
	s.mu.Unlock()
	s.ended.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.enter(c)
		}
	})
	return l.Addr(), nil
}

func (s *Server) enter(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = struct{}{}
	s.most = max(s.most, len(s.conns))
	s.ended.Go(func() {
		s.serve(c)
		c.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, c)
	})
}

// Close ends the listener and every connection.
func (s *Server) Close() {
	s.mu.Lock()
	s.listener.Close()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.ended.Wait()
}

// Set changes what the server does, and one value; "" takes the key out.
func (s *Server) Set(faults Faults, key, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
	if s.values[key] = value; value == "" {
		delete(s.values, key)
	}
}

// Requests are all that were read, in their order: "name key".
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

// MostConnections is how many there were at once.
func (s *Server) MostConnections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

func (s *Server) serve(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		request, err := read(r)
		if err != nil {
			return
		}
		reply, faults := s.answer(request)
		switch {
		case faults.Drop:
			return
		case faults.Hang:
			_, _ = io.Copy(io.Discard, r) // until the client gives up
			return
		}
		if _, err := io.WriteString(c, reply+faults.Behind); err != nil || faults.Once {
			return
		}
	}
}

// read reads a request.
func read(r *bufio.Reader) (string, error) {
	length, err := r.ReadString(':')
	if err != nil {
		return "", err
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(length, ":"), 10, 20)
	if err != nil {
		return "", err
	}
	b := make([]byte, n+1)
	if _, err := io.ReadFull(r, b); err != nil {
		return "", err
	}
	if b[n] != ',' {
		return "", fmt.Errorf("%q is no netstring", b)
	}
	return string(b[:n]), nil
}

func (s *Server) answer(request string) (string, Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, request)
	reply := "NOTFOUND "
	name, key, _ := strings.Cut(request, " ")
	if value, found := s.values[key]; found && name == s.name {
		reply = "OK " + value
	}
	if s.faults.Reply != "" {
		reply = s.faults.Reply
	}
	if s.faults.Raw != "" {
		return s.faults.Raw, s.faults
	}
	return fmt.Sprintf("%d:%s,", len(reply), reply), s.faults
}

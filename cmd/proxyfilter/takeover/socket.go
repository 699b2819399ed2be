package takeover

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
)

// Socket is a listener that the next process can be given. The zero Socket cannot
// be used; see New.
type Socket struct {
	net.Listener
	Name string // by which both processes know it

	path   string      // of a UNIX socket that is removed with it
	shared atomic.Bool // another process has it too
	once   sync.Once
}

// New is a socket that this process has opened itself. The path of a UNIX socket is
// removed when it is closed, unless another process has the socket by then.
func New(name string, ln net.Listener) *Socket {
	s := &Socket{Listener: ln, Name: name}
	if u, ok := ln.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // net would not ask who else listens
		s.path = u.Addr().String()
	}
	return s
}

// Borrowed is a socket whose path belongs to somebody else, such as systemd.
func Borrowed(name string, ln net.Listener) *Socket {
	s := New(name, ln)
	s.path = ""
	return s
}

// Close stops listening. For another process that has the socket nothing changes.
func (s *Socket) Close() error {
	s.once.Do(func() {
		if s.path != "" && !s.shared.Load() {
			os.Remove(s.path)
		}
	})
	return s.Listener.Close()
}

// share says of all of them whether another process has them.
func share(sockets []*Socket, yes bool) {
	for _, s := range sockets {
		s.shared.Store(yes)
	}
}

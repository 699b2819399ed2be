package relay

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// socket is a connection over TCP or a unix socket. Its reads and writes do not
// tell the scheduler that they enter the kernel: the descriptor does not block, so
// none takes longer than the copy, and a message is some thirty of them. On a busy
// host the scheduler takes what it believes to be blocked away, which made up a
// tenth of what a message costs (measured).
//
// One goroutine reads and one writes at a time, as with any connection here.
type socket struct {
	net.Conn // for everything else: deadlines, Close
	raw      syscall.RawConn

	// The transfers under way. The functions are bound once, because a closure
	// for each call would be an allocation for each.
	in, out             []byte
	read, wrote, peeked int
	inErr, outErr       syscall.Errno
	peekErr             syscall.Errno
	one                 [1]byte
	tryRead, tryWrite   func(fd uintptr) bool
	tryPeek             func(fd uintptr)
}

// direct is conn as a socket, or conn itself if it has no descriptor, as those in
// memory have none.
func direct(conn net.Conn) net.Conn {
	known, ok := conn.(syscall.Conn)
	if !ok {
		return conn
	}
	raw, err := known.SyscallConn()
	if err != nil {
		return conn
	}
	s := &socket{Conn: conn, raw: raw}
	s.tryRead, s.tryWrite, s.tryPeek = s.receive, s.send, s.glance
	return s
}

// Read reads what is there, or waits for it.
func (s *socket) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.in = p
	err := s.raw.Read(s.tryRead)
	s.in = nil
	if err != nil {
		return 0, err
	}
	return readResult(s.read, s.inErr)
}

// Write writes all of p.
func (s *socket) Write(p []byte) (int, error) {
	s.out, s.wrote, s.outErr = p, 0, 0
	err := s.raw.Write(s.tryWrite)
	s.out = nil
	if err == nil && s.outErr != 0 {
		err = os.NewSyscallError("write", s.outErr)
	}
	return s.wrote, err
}

// readResult is the result of a read, as io.Reader wants it.
func readResult(n int, errno syscall.Errno) (int, error) {
	switch {
	case errno != 0:
		return 0, os.NewSyscallError("read", errno)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func (s *socket) receive(fd uintptr) (done bool) {
	s.read, s.inErr = recv(fd, s.in, 0)
	return s.inErr != syscall.EAGAIN
}

func (s *socket) send(fd uintptr) (done bool) {
	for s.wrote < len(s.out) {
		n, errno := sendTo(fd, s.out[s.wrote:])
		if errno != 0 {
			s.outErr = errno
			return errno != syscall.EAGAIN
		}
		s.wrote += n
	}
	s.outErr = 0
	return true
}

func (s *socket) glance(fd uintptr) {
	s.peeked, s.peekErr = recv(fd, s.one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
}

// recv is recvfrom(2), and again after a signal. syscall.Recvfrom would allocate
// the address of the peer each time.
func recv(fd uintptr, p []byte, flags uintptr) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), flags, 0, 0)
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

// sendTo is sendto(2), without SIGPIPE.
func sendTo(fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), syscall.MSG_NOSIGNAL, 0, 0)
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

// peek says, without waiting and without taking anything, what a read would
// find: nil for nothing, errExcess for bytes, errGone for the end. A socket keeps
// its bytes; a connection in memory has no descriptor, and in gets what it had.
//
// A Read with a deadline in the past is not enough on a socket: it reports the
// deadline before it looks, and missed half of the hang-ups when tried.
func peek(conn net.Conn, in *[]byte) error {
	s, ok := conn.(*socket)
	if !ok {
		return peekOther(conn, in)
	}
	err := s.raw.Control(s.tryPeek)
	switch {
	case err != nil:
		return errGone
	case s.peekErr == syscall.EAGAIN:
		return nil
	case s.peekErr != 0 || s.peeked == 0:
		return errGone
	}
	return errExcess
}

// peekOther serves connections without a descriptor, which are those in memory.
// There a read with a past deadline does look first; what it takes goes to in.
func peekOther(conn net.Conn, in *[]byte) error {
	conn.SetReadDeadline(time.Unix(1, 0))
	var one [1]byte
	n, err := conn.Read(one[:])
	switch {
	case n > 0:
		*in = append(*in, one[0])
		return errExcess
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	}
	return errGone
}

package relay

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// peek says, without waiting and without taking anything, what a read would
// find: nil for nothing, errExcess for bytes, errGone for the end. A socket keeps
// its bytes; a connection in memory has no descriptor, and in gets what it had.
//
// A Read with a deadline in the past is not enough on a socket: it reports the
// deadline before it looks, and missed half of the hang-ups when tried.
func peek(conn net.Conn, socket *descriptor, in *[]byte) error {
	if socket == nil {
		return peekOther(conn, in)
	}
	return socket.peek()
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

// descriptor is what lies under a connection. Every message is looked at several
// times, so its calls allocate nothing.
type descriptor struct {
	raw   syscall.RawConn
	call  func(fd uintptr)
	one   [1]byte
	n     int
	errno syscall.Errno
}

// newDescriptor is nil for a connection in memory.
func newDescriptor(conn net.Conn) *descriptor {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	d := &descriptor{raw: raw}
	d.call = d.recv
	return d
}

// recv is recv(2) with MSG_PEEK. syscall.Recvfrom would allocate the address of
// the peer each time.
func (d *descriptor) recv(fd uintptr) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&d.one)), 1,
		syscall.MSG_PEEK|syscall.MSG_DONTWAIT, 0, 0)
	d.n, d.errno = int(n), errno
}

func (d *descriptor) peek() error {
	err := d.raw.Control(d.call)
	switch {
	case err != nil:
		return errGone
	case d.errno == syscall.EAGAIN || d.errno == syscall.EINTR:
		return nil
	case d.errno != 0 || d.n == 0:
		return errGone
	}
	return errExcess
}

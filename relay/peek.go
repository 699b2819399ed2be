package relay

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// peek says, without waiting and without taking anything, what a read would
// find: nil for nothing, errExcess for bytes, errGone for the end. A socket keeps
// its bytes.
//
// A Read with a deadline in the past is not enough on a socket: it reports the
// deadline before it looks, and missed half of the hang-ups when tried.
func peek(conn net.Conn, raw syscall.RawConn, in *[]byte) error {
	if raw == nil {
		return peekOther(conn, in)
	}
	var n int
	var found error
	err := raw.Control(func(fd uintptr) {
		var one [1]byte
		n, _, found = syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	switch {
	case err != nil:
		return errGone
	case errors.Is(found, syscall.EAGAIN) || errors.Is(found, syscall.EINTR):
		return nil
	case found != nil || n == 0:
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

// descriptor is what lies under a connection; nil if it is in memory.
func descriptor(conn net.Conn) syscall.RawConn {
	if socket, ok := conn.(syscall.Conn); ok {
		if raw, err := socket.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

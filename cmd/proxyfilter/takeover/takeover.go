// Package takeover hands the listening sockets of a running process to the one
// that comes after it, so that no connection finds the door closed.
//
// Postfix answers 451 for a connection to us that is refused, reset or not greeted,
// so a restart must have no moment in which that can happen. The descriptors
// themselves are passed (SCM_RIGHTS, unix(7)): both processes then accept from one
// queue in the kernel, and what lies in it when the old one stops is the new one's.
// Two sockets on one port (SO_REUSEPORT) have two queues, and closing the old
// socket resets what waits in its queue: a fifth of the connections in a trial.
//
// The walk, over a UNIX stream socket on which the old process listens:
//
//  1. The new process has read its configuration, connects and asks. Each side makes
//     the kernel tell who the other is (SO_PEERCRED): only the same user will do.
//  2. The old process sends its sockets, each with its name. It goes on accepting.
//  3. The new process opens whatever else it needs. If it fails, it hangs up, and
//     for the old one nothing has happened.
//  4. The new process accepts, and says that it serves.
//  5. The old process stops accepting, lets its conversations finish, and says that
//     it has released the sockets. The paths of UNIX sockets stay.
//  6. The connection is open until the old process has ended; so the new one
//     knows when it is alone, for what two processes cannot share.
//
// The socket of step 1 is one of those that are passed: a third process that comes
// meanwhile waits in its queue, and then asks the second one. When the old process
// dies between 2 and 5, the new one goes on without it.
package takeover

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// ErrNobody is what Ask returns when no process listens at the path.
var ErrNobody = errors.New("no process to take over from")

// credentials are what the kernel knows about the process on the other side.
func credentials(conn *net.UnixConn) (*unix.Ucred, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var peer *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return nil, err
	}
	return peer, failed
}

// trusted is why the other process is not to be dealt with, or nil. Root is no
// exception: a process of root that took over from one of another user would go
// on as root, and nobody would have meant it.
func trusted(peer *unix.Ucred, own int) error {
	if int64(peer.Uid) != int64(own) {
		return fmt.Errorf("process %d runs as user %d, and this one as user %d", peer.Pid, peer.Uid, own)
	}
	return nil
}

// meet checks the other side of conn and returns its process id, which is 0 when
// it cannot be seen from here (pid_namespaces(7)).
func meet(conn *net.UnixConn) (int, error) {
	peer, err := credentials(conn)
	if err != nil {
		return 0, fmt.Errorf("ask who is there: %w", err)
	}
	return int(peer.Pid), trusted(peer, os.Geteuid())
}

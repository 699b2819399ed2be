package takeover

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// The words that the two processes say, each on a line.
const (
	wordAsk      = "takeover 1" // the number changes when the walk does
	wordServing  = "serving"
	wordReleased = "released"
)

const (
	maxLine    = 256 // of a word, and of a refusal
	maxAnswer  = 128 << 10
	maxSockets = 253 // SCM_MAX_FD of the kernel
)

// answer goes with the descriptors, or says why there are none.
type answer struct {
	Sockets []entry `json:"sockets,omitempty"`
	Refused string  `json:"refused,omitempty"`
}

// entry describes one socket, in the order of the descriptors.
type entry struct {
	Name string `json:"name"`
	Path string `json:"path,omitempty"` // to be removed by whoever closes it last
}

// parseAnswer reads an answer that came with so many descriptors.
func parseAnswer(data []byte, descriptors int) (answer, error) {
	var a answer
	if err := json.Unmarshal(data, &a); err != nil {
		return answer{}, fmt.Errorf("the answer cannot be read: %w", err)
	}
	if len(a.Sockets) != descriptors {
		return answer{}, fmt.Errorf("the answer names %d sockets, and %d came", len(a.Sockets), descriptors)
	}
	return a, nil
}

func say(conn *net.UnixConn, word string) error {
	_, err := io.WriteString(conn, word+"\n")
	return err
}

// hear reads one word, byte by byte: what follows it is not read.
func hear(conn *net.UnixConn, word string) error {
	var line []byte
	for one := make([]byte, 1); len(line) < maxLine; {
		if _, err := conn.Read(one); err != nil {
			return err
		}
		if one[0] == '\n' {
			if string(line) != word {
				return fmt.Errorf("it says %q, not %q", line, word)
			}
			return nil
		}
		line = append(line, one[0])
	}
	return errors.New("it says too much")
}

// send passes the sockets with their names. They stay open here.
func send(conn *net.UnixConn, sockets []*Socket) error {
	if len(sockets) > maxSockets {
		return fmt.Errorf("%d sockets are more than the %d that can be passed", len(sockets), maxSockets)
	}
	var a answer
	var fds []int
	defer func() { closeAll(fds) }()
	for _, s := range sockets {
		fd, err := duplicate(s.Listener)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		fds = append(fds, fd)
		a.Sockets = append(a.Sockets, entry{s.Name, s.path})
	}
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	data = append(data, '\n')
	// The descriptors go with the first bytes; the rest is a plain stream.
	n, _, err := conn.WriteMsgUnix(data, unix.UnixRights(fds...), nil)
	if err == nil && n < len(data) {
		_, err = conn.Write(data[n:])
	}
	return err
}

// duplicate is a descriptor of our own for a listener. net's File would do, but
// its Fd makes the socket blocking, for everybody who has it.
func duplicate(ln net.Listener) (fd int, err error) {
	socket, ok := ln.(syscall.Conn)
	if !ok {
		return -1, fmt.Errorf("%T has no descriptor", ln)
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return -1, err
	}
	if outer := raw.Control(func(own uintptr) {
		fd, err = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0)
	}); outer != nil {
		return -1, outer
	}
	return fd, err
}

// receive is the other side of send. After an error no descriptor is left open.
func receive(conn *net.UnixConn) (sockets []*Socket, err error) {
	var data []byte
	var fds []int
	defer func() {
		closeAll(fds)
		if err != nil {
			for _, s := range sockets {
				s.Close()
			}
		}
	}()
	buffer, rights := make([]byte, 4096), make([]byte, unix.CmsgSpace(4*maxSockets))
	for !bytes.HasSuffix(data, []byte("\n")) {
		n, control, _, _, err := conn.ReadMsgUnix(buffer, rights)
		if err == nil && n == 0 {
			err = io.EOF
		}
		if err != nil {
			return nil, err
		}
		fds = append(fds, descriptors(rights[:control])...)
		if data = append(data, buffer[:n]...); len(data) > maxAnswer {
			return nil, errors.New("the answer is too long")
		}
	}
	a, err := parseAnswer(data, len(fds))
	if err == nil && a.Refused != "" {
		err = fmt.Errorf("it refuses: %.*q", maxLine, a.Refused)
	}
	for i, e := range a.Sockets {
		if err != nil {
			break
		}
		var s *Socket
		if s, err = e.open(fds[i]); err == nil {
			sockets = append(sockets, s)
		}
	}
	return sockets, err
}

// open makes a socket of a descriptor, which stays open besides.
func (e entry) open(fd int) (*Socket, error) {
	duplicate, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.Name, err)
	}
	file := os.NewFile(uintptr(duplicate), e.Name)
	defer file.Close()
	ln, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.Name, err)
	}
	s := Borrowed(e.Name, ln)
	s.path = e.Path
	s.shared.Store(true)
	return s, nil
}

// descriptors are those in control messages.
func descriptors(control []byte) []int {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	var all []int
	for i := range messages {
		if fds, err := unix.ParseUnixRights(&messages[i]); err == nil {
			all = append(all, fds...)
		}
	}
	return all
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

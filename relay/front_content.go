package relay

import (
	"cmp"
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"proxyfilter/relay/wire"
)

// content reads the message up to its one true end and writes it, decoded, to
// w. An error of w is returned only then: a reader that stops early would take
// the rest for commands. Any error of the connection closes it before anything
// else can happen, and is returned as errGone.
func (f *front) content(w io.Writer) (wire.Anomalies, error) {
	if f.state != content {
		return wire.Anomalies{}, errGone // 354 could not be said
	}
	var decoder wire.Decoder
	var failed error
	for {
		done, err := f.decode(&decoder, w)
		if err != nil && failed == nil {
			failed = err
		}
		f.restore()
		if done {
			f.state = received
			return decoder.Seen(), failed
		}
		if err := f.fillContent(); err != nil {
			f.shut()
			return decoder.Seen(), errors.Join(errGone, err)
		}
	}
}

// decode uses up what has been read, as far as it is content.
func (f *front) decode(decoder *wire.Decoder, w io.Writer) (done bool, failed error) {
	buffer := f.buffers.take()
	defer f.buffers.give(buffer)
	for !done && len(f.in) > 0 {
		var out []byte
		var used int
		out, used, done = decoder.Decode((*buffer)[:0], f.in)
		f.consume(used)
		if _, err := w.Write(out); err != nil {
			failed = err
		}
	}
	return done, failed
}

// fillContent reads once, within a rolling limit: slow is fine, silent is not.
// The buffer is borrowed only once there is something to read: without
// speed_adjust a message comes in at the pace of a remote client, and thousands
// of them side by side.
func (f *front) fillContent() (err error) {
	f.raw.SetReadDeadline(time.Now().Add(f.idle))
	n := 0
	if s, ok := f.raw.(*socket); ok {
		n, err = f.readLate(s)
	} else {
		f.borrowed = f.buffers.take()
		n, err = f.raw.Read((*f.borrowed)[:readSize])
	}
	if n <= 0 {
		return cmp.Or(err, io.EOF)
	}
	f.in = (*f.borrowed)[:n]
	return nil
}

// readLate borrows the buffer for each try, and gives it back to wait.
func (f *front) readLate(s *socket) (n int, err error) {
	var errno syscall.Errno
	waited := s.raw.Read(func(fd uintptr) bool {
		f.borrowed = f.buffers.take()
		n, errno = recv(fd, (*f.borrowed)[:readSize], 0)
		if errno == syscall.EAGAIN {
			f.restore()
		}
		return errno != syscall.EAGAIN
	})
	if waited != nil {
		return 0, waited
	}
	return readResult(n, errno)
}

// restore gives the borrowed buffer back, and keeps what lies behind the
// content, if anything does.
func (f *front) restore() {
	f.in = append([]byte(nil), f.in...)
	if f.borrowed != nil {
		f.buffers.give(f.borrowed)
		f.borrowed = nil
	}
}

// listen waits until wake is called, and meanwhile for Postfix to hang up
// (errGone) or to say something (errExcess). Only one byte is read, and kept. At
// the limit it returns os.ErrDeadlineExceeded. wake must not be called before
// ready is; woken, it returns nil.
func (f *front) listen(limit time.Time, ready func()) error {
	f.raw.SetReadDeadline(limit)
	ready()
	var one [1]byte
	n, err := f.raw.Read(one[:])
	switch {
	case n > 0:
		f.in = append(f.in, one[0])
		return errExcess
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return errGone
	case time.Now().Before(limit):
		return nil
	}
	return err
}

// wake ends a listen, from another goroutine.
func (f *front) wake() { f.raw.SetReadDeadline(time.Unix(1, 0)) }

// look says whether Postfix is still there and silent, without waiting: nil, or
// errGone, or errExcess. It must be the last thing before the final dot leaves,
// and no listen may be under way.
func (f *front) look() error {
	if len(f.in) > 0 {
		return errExcess
	}
	return peek(f.raw, &f.in)
}

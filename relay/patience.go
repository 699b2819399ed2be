package relay

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// patience is how long one operation on a spool file may take. A disk that
	// hangs, such as NFS whose server is away, would else hold Postfix beyond
	// Budget, and what is carried after that would arrive twice.
	patience = 10 * time.Second

	// maxLate is how many operations may be late before no further file is
	// tried: each of them holds a thread, and a process has only so many.
	maxLate = 16
)

var errLate = fmt.Errorf("the disk takes longer than %v: %w", patience, os.ErrDeadlineExceeded)

// within waits for an operation as long as patience lasts. One that is late
// cannot be ended, because files know no deadlines: it goes on by itself, counted
// in late, and what comes of it is discarded.
func within[T any](late *atomic.Int32, operation func() T, discard func(T)) (result T, ok bool) {
	ended := make(chan T, 1)
	go func() { ended <- operation() }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case result = <-ended:
		return result, true
	case <-timer.C:
	}
	late.Add(1)
	go func() {
		discard(<-ended)
		late.Add(-1)
	}()
	return result, false
}

// patientFile is a File none of whose operations is waited for beyond patience.
// Each has a buffer of its own: the caller's may be in use again while a late
// operation still reads it or writes to it.
type patientFile struct {
	file    File
	late    *atomic.Int32
	buffers *buffers
	failed  atomic.Bool // an operation was late, and will close the file
	closed  sync.Once
}

// moved is what an operation came to.
type moved struct {
	n   int
	err error
}

func (f *patientFile) move(lent *[]byte, operation func(lent []byte) (int, error)) (int, error) {
	if f.failed.Load() {
		return 0, errLate
	}
	m, ok := within(f.late, func() moved {
		n, err := operation(*lent)
		return moved{n, err}
	}, func(moved) { f.shut() })
	if !ok {
		f.failed.Store(true)
		return 0, errLate
	}
	return m.n, m.err
}

// Write adds b to the file.
func (f *patientFile) Write(b []byte) (written int, err error) {
	for len(b) > 0 && err == nil {
		lent := f.buffers.take()
		*lent = append((*lent)[:0], b[:min(len(b), readSize)]...)
		n := 0
		if n, err = f.move(lent, f.file.Write); err == nil && n < len(*lent) {
			err = io.ErrShortWrite
		}
		written, b = written+n, b[n:]
		f.giveBack(lent)
	}
	return written, err
}

// ReadAt is as in io.ReaderAt.
func (f *patientFile) ReadAt(b []byte, off int64) (read int, err error) {
	for len(b) > 0 && err == nil {
		lent := f.buffers.take()
		*lent = (*lent)[:min(len(b), readSize)]
		n, at := 0, off // which a late operation may not see change
		n, err = f.move(lent, func(lent []byte) (int, error) { return f.file.ReadAt(lent, at) })
		copy(b, (*lent)[:n])
		read, off, b = read+n, off+int64(n), b[n:]
		f.giveBack(lent)
	}
	if len(b) == 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return read, err
}

// giveBack keeps a buffer out of use that a late operation may still have.
func (f *patientFile) giveBack(lent *[]byte) {
	if !f.failed.Load() {
		f.buffers.give(lent)
	}
}

// Close closes the file, or leaves it to the operation that is late.
func (f *patientFile) Close() error {
	if !f.failed.Load() {
		f.shut()
	}
	return nil
}

// shut does not wait at all: closing may hang as well, and a reply comes after it.
func (f *patientFile) shut() {
	f.closed.Do(func() { go within(f.late, f.file.Close, func(error) {}) })
}

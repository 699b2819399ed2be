package relay

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Spool is where messages are kept while they are looked at: in memory up to
// SpillAt bytes each and Memory bytes together, in an unlinked file beyond. A
// file without a name cannot be left behind by a crash.
type Spool struct {
	Dir     string // default: os.TempDir()
	Memory  int64  // bytes over all messages; 0 keeps none in memory
	SpillAt int64  // bytes of one message; 0 keeps none in memory

	// Create replaces the file without a name in Dir, in tests.
	Create func() (File, error)

	ram, disk atomic.Int64
	late      atomic.Int32 // operations on files that nobody waits for
	buffers   buffers
}

// File is what a message is kept in beyond memory. An *os.File is one: closing it
// while it is read from is allowed.
type File interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// Check tries the directory, by making a file in it.
func (s *Spool) Check() error {
	file, err := s.open()
	if err != nil {
		return err
	}
	return file.Close()
}

// Used is how many bytes of messages are held, in memory and in files.
func (s *Spool) Used() (ram, disk int64) { return s.ram.Load(), s.disk.Load() }

func (s *Spool) dir() string {
	if s.Dir == "" {
		return os.TempDir()
	}
	return s.Dir
}

// open makes a file that nobody waits for longer than patience.
func (s *Spool) open() (File, error) {
	type opened struct {
		file File
		err  error
	}
	if s.late.Load() >= maxLate {
		return nil, fmt.Errorf("spool: %w", errLate)
	}
	o, ok := within(&s.late, func() opened {
		file, err := s.create()
		return opened{file, err}
	}, func(o opened) {
		if o.err == nil {
			o.file.Close()
		}
	})
	if !ok {
		o.err = fmt.Errorf("spool: %w", errLate)
	}
	if o.err != nil {
		return nil, o.err
	}
	return &patientFile{file: o.file, late: &s.late, buffers: &s.buffers}, nil
}

// create makes a file that has no name. Where the file system cannot do that at
// once (O_TMPFILE: overlayfs on old kernels, NFS), the name is taken away.
func (s *Spool) create() (File, error) {
	if s.Create != nil {
		return s.Create()
	}
	fd, err := unix.Open(s.dir(), unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), "spool"), nil
	}
	file, err := os.CreateTemp(s.dir(), ".proxyfilter-*")
	if err != nil {
		return nil, fmt.Errorf("spool directory %s: %w", s.dir(), err)
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return nil, fmt.Errorf("spool file: %w", err)
	}
	return file, nil
}

// reserve takes n bytes of the memory budget, if they are left.
func (s *Spool) reserve(n int64) bool {
	if s.ram.Add(n) <= s.Memory {
		return true
	}
	s.ram.Add(-n)
	return false
}

// spooled is one message in the spool. Reading it after Close fails and does
// no harm: a scan that outlives its conversation may try.
type spooled struct {
	spool *Spool
	limit int64 // more is counted, and not kept
	size  int64
	disk  int64 // bytes in the file
	err   error // why nothing is kept any more

	stalled stall

	mu   sync.RWMutex // Close against ReadAt
	ram  []byte
	file File
}

var errTooBig = errors.New("message too big")

// Write adds content. Beyond the limit, and after a failure, it keeps nothing and
// says so again each time: the rest still comes in, up to its end.
func (m *spooled) Write(p []byte) (n int, err error) {
	m.size += int64(len(p))
	if m.err == nil && m.size > m.limit {
		m.err = errTooBig
	} else if m.err == nil {
		n, m.err = m.keep(p)
	}
	if m.err != nil {
		m.Close()
	}
	return n, m.err
}

func (m *spooled) keep(p []byte) (int, error) {
	if m.file == nil {
		if m.fits(len(p)) {
			m.ram = append(m.ram, p...)
			return len(p), nil
		}
		if err := m.spill(); err != nil {
			return 0, err
		}
	}
	return m.toFile(p)
}

func (m *spooled) toFile(p []byte) (int, error) {
	start := time.Now()
	n, err := m.file.Write(p)
	m.stalled.add(n, time.Since(start))
	m.disk += int64(n)
	m.spool.disk.Add(int64(n))
	if err != nil {
		return n, fmt.Errorf("spool: %w", err)
	}
	return n, nil
}

// fits makes room for n more bytes in memory, if both limits allow it.
func (m *spooled) fits(n int) bool {
	need := len(m.ram) + n
	switch {
	case int64(need) > m.spool.SpillAt:
		return false
	case need <= cap(m.ram):
		return true
	}
	room := need + need/4
	if !m.spool.reserve(int64(room - cap(m.ram))) {
		return false
	}
	grown := make([]byte, len(m.ram), room)
	copy(grown, m.ram)
	m.ram = grown
	return true
}

// spill moves what is in memory to a file, and gives the memory back.
func (m *spooled) spill() error {
	file, err := m.spool.open()
	if err != nil {
		return err
	}
	m.file = file
	if _, err := m.toFile(m.ram); err != nil {
		return err
	}
	m.spool.ram.Add(-int64(cap(m.ram)))
	m.ram = nil
	return nil
}

// ended is when the end of data came, seen from now on. It may have lain in the
// socket for as long as a slow disk kept us from reading, and Postfix counts from
// when it sent it; so our clock must not begin later.
func (m *spooled) ended(now time.Time) time.Time { return now.Add(-m.stalled.last()) }

// Size is the length of the content in bytes.
func (m *spooled) Size() int64 { return m.size }

// errShort is a file that has lost a part of the message. It must not look like
// io.EOF, which would make a whole message of what is left.
var errShort = errors.New("the spool file is shorter than the message")

// ReadAt reads content, as io.ReaderAt wants it. Close does not wait for it.
func (m *spooled) ReadAt(p []byte, off int64) (int, error) {
	m.mu.RLock()
	file := m.file
	m.mu.RUnlock()
	if file == nil {
		return m.readRAM(p, off)
	}
	n, err := file.ReadAt(p, off)
	if errors.Is(err, io.EOF) && off+int64(n) < m.size {
		err = errShort
	}
	return n, err
}

func (m *spooled) readRAM(p []byte, off int64) (int, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	switch {
	case m.ram == nil && m.size > 0:
		return 0, os.ErrClosed
	case off >= int64(len(m.ram)):
		return 0, io.EOF
	}
	n := copy(p, m.ram[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Close forgets the content. It may be called more than once.
func (m *spooled) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spool.ram.Add(-int64(cap(m.ram)))
	m.ram = nil
	if m.file != nil {
		m.spool.disk.Add(-m.disk)
		m.file.Close()
		m.file = nil
	}
}

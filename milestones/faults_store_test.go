package milestones

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"proxyfilter/filter/store/embedded"
	"proxyfilter/integration/faults"
	"proxyfilter/relay"
)

// memory is the program's store: a real one, whose file or whose use fails as the
// cell says.
type memory struct {
	t       *testing.T
	path    string
	release func() // what else has the file
	ill
}

// open opens it as the program does with its default path: without a store that
// can be used it goes on, and forgets.
func (m *memory) open() (relay.Store, func()) {
	s, err := embedded.Open(embedded.Config{Path: m.path})
	if err != nil {
		return nil, func() {}
	}
	return &faultyStore{s, m}, func() {
		if err := s.Close(); err != nil {
			m.t.Error(err)
		}
	}
}

// become begins a fault, while no program has the file.
func (m *memory) become(c faults.Cell) {
	m.ill.become(c)
	if c.Stage != faults.Open {
		return
	}
	switch c.Fault {
	case faults.IOError: // a directory cannot be read
		m.must(os.Remove(m.path))
		m.must(os.Mkdir(m.path, 0o700))
	case faults.Garbage:
		m.must(os.WriteFile(m.path, []byte("this is no database, and was never one"), 0o600))
	case faults.WrongLength:
		m.must(os.Truncate(m.path, 5000))
	case faults.Silence:
		other, err := embedded.Open(embedded.Config{Path: m.path})
		m.must(err)
		m.release = func() { m.must(other.Close()) }
	}
}

func (m *memory) heal() {
	m.ill.become(faults.Cell{})
	if m.release != nil {
		m.release()
	}
}

func (m *memory) must(err error) {
	if err != nil {
		m.t.Error(err)
	}
}

// faultyStore fails in what it is asked.
type faultyStore struct {
	relay.Store
	memory *memory
}

// fail is what happens before the store is asked at all.
func (s *faultyStore) fail(ctx context.Context, at faults.Stage) error {
	switch s.memory.at(at) {
	case faults.IOError:
		return &os.PathError{Op: string(at), Path: "store", Err: syscall.EIO}
	case faults.Full:
		return &os.PathError{Op: string(at), Path: "store", Err: syscall.ENOSPC}
	case faults.Silence:
		<-ctx.Done()
		return ctx.Err()
	case faults.Drip:
		time.Sleep(500 * time.Millisecond)
	}
	return nil
}

func (s *faultyStore) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := s.fail(ctx, faults.Remember); err != nil {
		return err
	}
	return s.Store.Put(ctx, key, value, ttl)
}

func (s *faultyStore) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := s.fail(ctx, faults.Recall); err != nil {
		return nil, false, err
	}
	value, found, err := s.Store.Get(ctx, key)
	switch s.memory.at(faults.Recall) {
	case faults.Garbage:
		value = []byte("\x00\xff 250 \x1b")
	case faults.WrongLength:
		value = value[:len(value)/2]
	}
	return value, found, err
}

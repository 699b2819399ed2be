package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"proxyfilter/filter/exceptions"
	"proxyfilter/filter/store/embedded"
	"proxyfilter/relay"
)

// store is what the relay remembers with, where exceptions are, and what the daemon
// closes.
type store interface {
	relay.Store
	exceptions.Store
	close()
}

// openStore is the store, or nil when there is none.
func openStore(c *loaded, before <-chan struct{}, log zerolog.Logger) (store, error) {
	switch {
	case c.Store.Kind == "redis":
		return openShared(c.Store.server(), log), nil
	case c.Store.Path == "":
		return nil, nil
	}
	file, err := openFileStore(c, before, log)
	if file == nil {
		return nil, err // a nil pointer in an interface is not nil
	}
	return file, nil
}

// openFileStore is the store in a file. One that somebody has chosen must be usable; the
// default one need not be, and is nil then. Where a process was before this one, it
// has the file until before is closed, and those before it may have it for longer.
func openFileStore(c *loaded, before <-chan struct{}, log zerolog.Logger) (*fileStore, error) {
	s := &fileStore{path: c.Store.Path, log: log, closing: make(chan struct{}), opened: make(chan struct{})}
	if before != nil {
		s.background.Go(func() { s.succeed(before) })
		return s, nil
	}
	err := s.open()
	if err == nil {
		return s, nil
	}
	if _, chosen := c.origins["store.path"]; chosen {
		return nil, fmt.Errorf("store.path: %w", err)
	}
	log.Warn().Err(err).
		Msg("what must be remembered is forgotten at a restart: make the directory, or move a damaged file away, or set store.path")
	return nil, nil
}

// fileStore is the file of this process, once no other process has it. What is stored
// before waits.
type fileStore struct {
	path       string
	log        zerolog.Logger
	closing    chan struct{}
	opened     chan struct{} // closed when this process has the file
	background sync.WaitGroup

	mu      sync.Mutex
	file    *embedded.Store
	err     error // why there will never be a file
	waiting []unstored
}

// maxWaiting bounds what waits for the file, some 200 bytes each, while the process
// before us finishes its conversations.
const maxWaiting = 4096

// openAgain is how often the file is tried that another process has.
const openAgain = 5 * time.Second

// unstored is something to be stored, and how long it is worth it.
type unstored struct {
	key     string
	value   []byte
	expires time.Time
}

func (s *fileStore) open() error {
	file, err := embedded.Open(embedded.Config{Path: s.path})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file = file; err == nil {
		close(s.opened)
	}
	return err
}

// isOpen reports that this process has the file.
func (s *fileStore) isOpen() bool {
	select {
	case <-s.opened:
		return true
	default:
		return false
	}
}

// socket is where the process that has the file answers.
func (s *fileStore) socket() string { return storeSocket(s.path) }

// succeed opens the file when the process before us has ended.
func (s *fileStore) succeed(before <-chan struct{}) {
	select {
	case <-before:
	case <-s.closing:
	}
	for {
		ending := s.ending()
		if ending && s.isEmpty() {
			return // it would be opened for nothing
		}
		err := s.open()
		if ending || !errors.Is(err, embedded.ErrInUse) {
			s.catchUp(err)
			return
		}
		select {
		case <-time.After(openAgain):
		case <-s.closing:
		}
	}
}

// catchUp stores what has waited, if there is a file.
func (s *fileStore) catchUp(err error) {
	s.mu.Lock()
	waiting := s.waiting
	s.waiting, s.err = nil, err
	s.mu.Unlock()
	if err == nil {
		err = s.putAll(waiting)
	}
	if err != nil {
		s.log.Error().Err(err).Int("entries", len(waiting)).Msg("what must be remembered is forgotten at a restart")
	}
}

func (s *fileStore) ending() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

func (s *fileStore) isEmpty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting) == 0
}

func (s *fileStore) putAll(waiting []unstored) error {
	for _, e := range waiting {
		ttl := time.Until(e.expires)
		if ttl <= 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := s.file.Put(ctx, e.key, e.value, ttl)
		cancel()
		if err != nil {
			return err // a disk that fails would fail each
		}
	}
	return nil
}

// Put stores a value, or keeps it until it can.
func (s *fileStore) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	s.mu.Lock()
	file, err := s.file, s.err
	switch {
	case file != nil || err != nil:
	case len(s.waiting) >= maxWaiting:
		err = errors.New("store: the process before this one still has it, and too much waits")
	default:
		s.waiting = append(s.waiting, unstored{key, value, time.Now().Add(ttl)})
	}
	s.mu.Unlock()
	if file == nil {
		return err
	}
	return file.Put(ctx, key, value, ttl)
}

// Add stores a value if there is none under the key, in the file only: what another
// process has cannot be known.
func (s *fileStore) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	if !s.isOpen() {
		return false, errors.New("store: the process before this one still has it")
	}
	return s.file.Add(ctx, key, value, ttl)
}

// Get finds a value in the file; what waits for it is in the memory of the relay.
func (s *fileStore) Get(ctx context.Context, key string) ([]byte, bool, error) {
	s.mu.Lock()
	file, err := s.file, s.err
	s.mu.Unlock()
	if file == nil {
		return nil, false, err
	}
	return file.Get(ctx, key)
}

// close writes what waits and closes the file.
func (s *fileStore) close() {
	close(s.closing)
	s.background.Wait()
	if s.file == nil {
		return
	}
	if err := s.file.Close(); err != nil {
		s.log.Error().Err(err).Msg("stopping")
	}
}

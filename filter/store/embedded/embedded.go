// Package embedded is a store in one file of this host: keys with values that
// expire.
//
// The file is a B+tree of bbolt, which writes a page elsewhere before it lets go
// of the old one. So whatever ends the process or the power, the file holds what
// was stored up to the last Put that has returned.
//
// Two things make it fit to stand in the path of mail. One goroutine does all that
// touches the file, and whoever asks waits for it no longer than his context: a
// disk that hangs holds that goroutine and no message. And the keys are in memory
// too, so that "I do not know it", which is nearly always the answer, needs no
// disk at all.
//
// The file is mapped into memory. Where it is damaged, reading it is a fault of
// the processor and not an error, and bbolt's own answer to a page that makes no
// sense is a panic. Both are contained: the store then fails from there on, and
// the program goes on without.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Config says where the store is and how large it may become. At a limit the
// entries that would expire first make room.
type Config struct {
	Path       string
	MaxEntries int   // 0: 100,000
	MaxBytes   int64 // of keys and values together; 0: 32 MB. The file may have four times that
}

// The limits of one entry.
const (
	MaxKey   = 256                       // bytes; there is one at least
	MaxValue = 4096                      // bytes
	MaxTTL   = 10 * 366 * 24 * time.Hour // time to live; it is above 0
)

// The errors that mean something else than a failure of the disk.
var (
	ErrClosed = errors.New("the store is closed")
	ErrInUse  = errors.New("another process has it open")
)

const (
	openTime  = 10 * time.Second // for opening and reading the file
	closeTime = 5 * time.Second  // for writing what was asked for before Close
	lockTime  = time.Second      // for another process to let go of the file

	// maxBatch bounds what is written in one transaction, and how many may wait
	// for it without waiting for a place.
	maxBatch = 256
)

// Store is an open store. Its methods may be called from several goroutines.
type Store struct {
	requests chan request
	closing  chan struct{}
	ended    chan struct{}
	once     sync.Once

	mu      sync.RWMutex
	expires map[string]time.Time // every key in the file
	broken  error                // why the file is not used any more
}

// Open opens the file, or makes it. Its directory must exist. An error means that
// it cannot be used: another process has it, or it is damaged, or the disk does
// not answer within ten seconds.
func Open(c Config) (*Store, error) {
	s := &Store{
		requests: make(chan request, maxBatch),
		closing:  make(chan struct{}), ended: make(chan struct{}),
	}
	opened := make(chan error, 1)
	go s.work(c, opened)
	select {
	case err := <-opened:
		if err != nil {
			return nil, fmt.Errorf("store %s: %w", c.Path, err)
		}
		return s, nil
	case <-time.After(openTime):
		s.once.Do(func() { close(s.closing) })
		return nil, fmt.Errorf("store %s: the disk does not answer", c.Path)
	}
}

// Put stores a value for a time. When it returns without an error the value will
// be found, also after a crash. After an error of the context it may be.
func (s *Store) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	_, err := s.write(ctx, request{key: key, value: value}, ttl)
	return err
}

// Add is Put where there is no such key, and otherwise changes nothing. It
// reports whether it has stored the value.
func (s *Store) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (added bool, err error) {
	a, err := s.write(ctx, request{key: key, value: value, ifAbsent: true}, ttl)
	return err == nil && !a.found, err
}

func (s *Store) write(ctx context.Context, r request, ttl time.Duration) (answer, error) {
	switch {
	case len(r.key) == 0 || len(r.key) > MaxKey:
		return answer{}, fmt.Errorf("store: a key of %d bytes, want 1 to %d", len(r.key), MaxKey)
	case len(r.value) > MaxValue:
		return answer{}, fmt.Errorf("store: a value of %d bytes, more than %d", len(r.value), MaxValue)
	case ttl <= 0 || ttl > MaxTTL:
		return answer{}, fmt.Errorf("store: a time to live of %v", ttl)
	}
	r.writes, r.expires = true, time.Now().Add(ttl)
	r.value = append([]byte(nil), r.value...) // the caller may not wait for us
	return s.ask(ctx, r)
}

// Get finds the value of a key that has not expired.
func (s *Store) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	s.mu.RLock()
	expires, err := s.expires[key], s.broken
	s.mu.RUnlock()
	if err != nil || !expires.After(time.Now()) {
		return nil, false, err
	}
	a, err := s.ask(ctx, request{key: key})
	return a.value, a.found, err
}

// ask hands a request to the goroutine that has the file.
func (s *Store) ask(ctx context.Context, r request) (answer, error) {
	r.answer = make(chan answer, 1) // it must not wait for us
	select {
	case <-s.closing: // first: there may be room for requests that nobody will read
		return answer{}, ErrClosed
	default:
	}
	if err := ctx.Err(); err != nil {
		return answer{}, fmt.Errorf("store: %w", err)
	}
	select {
	case s.requests <- r:
	case <-s.closing:
		return answer{}, ErrClosed
	case <-ctx.Done():
		return answer{}, fmt.Errorf("store: %w", ctx.Err())
	}
	select {
	case a := <-r.answer:
		return a, a.err
	case <-s.ended:
	case <-ctx.Done():
		return answer{}, fmt.Errorf("store: %w", ctx.Err())
	}
	select {
	case a := <-r.answer: // it was the last thing done
		return a, a.err
	default:
		return answer{}, ErrClosed
	}
}

// Close writes what was asked for and closes the file. It gives up after five
// seconds.
func (s *Store) Close() error {
	s.once.Do(func() { close(s.closing) })
	select {
	case <-s.ended:
		return nil
	case <-time.After(closeTime):
		return errors.New("close store: the disk does not answer")
	}
}

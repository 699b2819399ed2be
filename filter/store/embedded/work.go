package embedded

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// request is one key to be read or written.
type request struct {
	key      string
	value    []byte
	expires  time.Time
	writes   bool
	ifAbsent bool
	answer   chan answer
}

// answer is what came of it. found says that the key was there.
type answer struct {
	value []byte
	found bool
	err   error
}

// work opens the file and does all that is done with it, up to the end.
func (s *Store) work(c Config, opened chan<- error) {
	defer close(s.ended)
	debug.SetPanicOnFault(true) // of this goroutine only, which is the one that reads the mapped file
	var f *file
	err := contain(func() (err error) {
		f, err = open(c)
		return err
	})
	if err != nil {
		opened <- err
		return
	}
	s.expires = f.keys
	opened <- nil
	for batch := s.gather(); len(batch) > 0; batch = s.gather() {
		s.serve(f, batch)
	}
	if s.broken == nil {
		_ = contain(f.db.Close) // all that matters was synced; a broken one would wait for itself
	}
}

// gather waits for a request, and takes those behind it with it: one sync of the
// disk serves them all. It is empty when the store was closed and nothing is left.
func (s *Store) gather() []request {
	var batch []request
	select {
	case r := <-s.requests:
		batch = append(batch, r)
	case <-s.closing:
	}
	for len(batch) < maxBatch {
		select {
		case r := <-s.requests:
			batch = append(batch, r)
		default:
			return batch
		}
	}
	return batch
}

// serve does a batch, in one transaction, and answers.
func (s *Store) serve(f *file, batch []request) {
	var answers []answer
	err := s.broken
	if err == nil {
		var changes []change
		err = contain(func() (err error) {
			answers, changes, err = f.do(batch)
			return err
		})
		s.learn(changes, err)
	}
	for i, r := range batch {
		if err != nil {
			r.answer <- answer{err: fmt.Errorf("store: %w", err)}
		} else {
			r.answer <- answers[i]
		}
	}
}

// learn brings what is known of the file up to date, before anybody is told.
func (s *Store) learn(changes []change, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if damage := (damaged{}); errors.As(err, &damage) {
		s.broken = damage
	}
	if err != nil {
		return // bbolt has rolled back
	}
	for _, c := range changes {
		if c.expires.IsZero() {
			delete(s.expires, c.key)
		} else {
			s.expires[c.key] = c.expires
		}
	}
}

// damaged is a file that cannot be read as what it should be.
type damaged struct{ what string }

// Error says what was found.
func (d damaged) Error() string { return "the file is damaged: " + d.what }

// contain turns a panic of bbolt, or a fault within the mapped file, into an
// error. What it was about may be locked for ever, and must not be used again.
func contain(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = damaged{fmt.Sprint(p)}
		}
	}()
	return do()
}

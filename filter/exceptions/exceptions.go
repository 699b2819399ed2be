// Package exceptions keeps filter.Exceptions in a store, for all processes that share
// it.
//
// Each is in a slot, and there are so many slots as there may be exceptions: a store
// can neither count nor list what it has, and a list in one value would lose what two
// hosts add at once. Add, which one of several wins, takes a slot; the store itself
// empties it when the exception is over. That nothing is asked of it but Get, Put and
// Add lets every store do, and redis with the rights that it has given already.
//
// Whoever judges mail has all of them in memory, and looks once a second whether they
// have changed: no message waits for a store, and while it is away those last known
// hold.
package exceptions

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"proxyfilter/filter"
)

// Max is how many exceptions there may be. Each is what a person has decided about one
// message. Who needs more needs a list ([lists]), and reading them stays a matter of a
// moment.
const Max = 1000

// ErrFull is for the exception after the last.
var ErrFull = fmt.Errorf("there are %d exceptions already: revoke some, or write into [lists] what should last", Max)

// Store is where they are.
type Store interface {
	Put(ctx context.Context, key string, value []byte, ttl time.Duration) error
	Add(ctx context.Context, key string, value []byte, ttl time.Duration) (added bool, err error)
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
}

// Book is the exceptions in a store. Its methods may be called from several goroutines
// and by several processes.
type Book struct{ Store Store }

// editionKey has a value that nobody has seen before for each change.
const editionKey = "exceptions"

// revoked is what is in a slot for the moment until it is empty: a store cannot remove.
const (
	revoked       = "revoked"
	revokedMoment = time.Millisecond
)

func slot(i int) string { return fmt.Sprintf("exception:%d", i) }

// Make stores an exception that Check finds nothing wrong with. When it returns without
// an error, News has it.
func (b Book) Make(ctx context.Context, e filter.Exception, now time.Time) error {
	if err := e.Check(); err != nil {
		return err
	}
	ttl := e.Until.Sub(now)
	if ttl <= 0 || ttl > filter.MaxException {
		return fmt.Errorf("it would end in %v: is the clock of this host right?", ttl)
	}
	for i := range Max {
		_, taken, err := b.Store.Get(ctx, slot(i)) // Add alone would do, and write to the disk each time
		if err == nil && !taken {
			var added bool
			if added, err = b.Store.Add(ctx, slot(i), []byte(e.String()), ttl); added && err == nil {
				err = b.changed(ctx)
				return uncertain(e, err)
			}
		}
		if err != nil {
			return uncertain(e, err)
		}
	}
	return ErrFull
}

// uncertain is an error after which nobody knows whether the store has the exception.
func uncertain(e filter.Exception, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("it may be in the store all the same, as %s: look, and revoke it if need be: %w", e.ID, err)
}

// Revoke ends an exception, and reports whether there was one of that ID. What was asked
// for in vain counts as a change too: the try before may have got no further.
func (b Book) Revoke(ctx context.Context, id string) (e filter.Exception, found bool, err error) {
	for i, s := range b.read(ctx) {
		if s.err != nil && !errors.Is(s.err, errUnreadable) {
			return e, false, s.err
		}
		if !s.found || s.exception.ID != id {
			continue
		}
		if err := b.Store.Put(ctx, slot(i), []byte(revoked), revokedMoment); err != nil {
			return e, false, err
		}
		e, found = s.exception, true
	}
	return e, found, b.changed(ctx)
}

// changed makes a new edition. It lasts longer than anything that it is about.
func (b Book) changed(ctx context.Context) error {
	return b.Store.Put(ctx, editionKey, []byte(rand.Text()), filter.MaxException+24*time.Hour)
}

// All are those in force at that time. With an error of a slot that cannot be read, which
// a newer release may have written, the others are there all the same.
func (b Book) All(ctx context.Context, now time.Time) (all []filter.Exception, err error) {
	for _, s := range b.read(ctx) {
		if s.err != nil && !errors.Is(s.err, errUnreadable) {
			return nil, s.err
		}
		if err = errors.Join(err, s.err); s.found && now.Before(s.exception.Until) {
			all = append(all, s.exception)
		}
	}
	return all, err
}

// readers look at slots side by side: a redis may be some milliseconds away.
const readers = 8

type read struct {
	exception filter.Exception
	found     bool
	err       error
}

// read is what is in each slot, or not what is behind one that fails.
func (b Book) read(ctx context.Context) []read {
	slots := make([]read, Max)
	var all sync.WaitGroup
	for first := range readers {
		all.Go(func() {
			for i := first; i < Max; i += readers {
				s := &slots[i]
				if s.exception, s.found, s.err = b.slot(ctx, i); s.err != nil && !errors.Is(s.err, errUnreadable) {
					return
				}
			}
		})
	}
	all.Wait()
	return slots
}

// News is All, unless the edition is the one that is known. The edition is read first:
// what changes meanwhile is another one, and comes with the next question.
func (b Book) News(ctx context.Context, known string, now time.Time) (all []filter.Exception, edition string, err error) {
	value, _, err := b.Store.Get(ctx, editionKey)
	if err != nil {
		return nil, known, err
	}
	if edition = "." + string(value); edition == known { // never empty, as who knows nothing has it
		return nil, edition, nil
	}
	all, err = b.All(ctx, now)
	if err != nil && !errors.Is(err, errUnreadable) {
		return nil, known, err
	}
	return all, edition, err
}

var errUnreadable = errors.New("an exception in the store cannot be read")

// slot is what is in one.
func (b Book) slot(ctx context.Context, i int) (e filter.Exception, found bool, err error) {
	value, found, err := b.Store.Get(ctx, slot(i))
	if err != nil || !found || string(value) == revoked {
		return e, false, err
	}
	if e, err = filter.ParseException(string(value)); err != nil {
		return e, false, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return e, true, nil
}

package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Erase removes every Record that names an address, in any of the ways that
// Query.Address says, and returns how many there were. It waits for whoever
// looks after the segments at the moment, and a daemon that runs goes on in the
// file that was put in the place of its own. What is in the daemon's memory, for
// some milliseconds, or comes later, is not erased.
//
// A Record goes as a whole, also if it names others: one without its sender, but
// with a client, a Message-ID and a size, would still lead to a person.
func (a *Archive) Erase(ctx context.Context, address string) (erased int, err error) {
	w := a.want(Query{Address: address})
	if local, domain, _ := strings.Cut(w.Address, "@"); local == "" || domain == "" {
		return 0, fmt.Errorf("erase: %q is not a whole address", address) // a part would be many people's
	}
	unlock, err := a.dir.lockPatiently(ctx, maintainLock)
	if err != nil {
		return 0, fmt.Errorf("erase: %w", err)
	}
	defer unlock()
	// Plain ones come last, and are listed again: a new one may have been begun,
	// but none can be compressed while the lock is held.
	for _, plain := range []bool{false, true} {
		all, _, failed := a.dir.segments()
		err = errors.Join(err, failed)
		for _, s := range all {
			if s.plain() != plain {
				continue
			}
			n, failed := a.eraseFrom(ctx, s, w)
			erased += n
			if failed != nil {
				err = errors.Join(err, fmt.Errorf("erase: %w", failed))
			}
		}
	}
	return erased, err
}

// eraseFrom rewrites a segment only if it must.
func (a *Archive) eraseFrom(ctx context.Context, s segment, w *wanted) (erased int, err error) {
	if s.plain() { // its writer waits, and finds out by itself (see live.follow)
		unlock, err := a.dir.lock(writeLock)
		if err != nil {
			return 0, err
		}
		defer unlock()
	}
	without := func(line []byte) ([]byte, error) {
		if w.looksLike(line) {
			if e, err := decode(line); err == nil && w.match(&e) {
				erased++
				return nil, nil
			}
		}
		return asItIs(line)
	}
	for line, err := range a.dir.linesOf(ctx, s) {
		if err != nil {
			return 0, err
		}
		without(line)
	}
	if erased == 0 {
		return 0, nil
	}
	erased = 0
	if s.plain() {
		err = a.dir.rewritePlain(ctx, s, without)
	} else {
		err = a.dir.rewrite(ctx, s, s.next(), without)
	}
	if err != nil {
		return 0, err
	}
	return erased, nil
}

// rewritePlain puts another file in the place of a plain segment. Whoever calls it
// holds both locks.
func (d directory) rewritePlain(ctx context.Context, s segment, change edit) error {
	temporary := s.name() + unfinished
	f, err := d.create(temporary, os.O_TRUNC)
	if err != nil {
		return err
	}
	defer os.Remove(d.file(temporary))
	defer f.Close()
	for line, err := range d.linesOf(ctx, s) {
		if err != nil {
			return err
		}
		changed, err := change(line)
		if err != nil {
			return err
		}
		if _, err := f.Write(changed); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return os.Rename(d.file(temporary), d.file(s.name()))
}

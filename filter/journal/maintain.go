package journal

import (
	"context"
	"errors"
	"os"
	"time"
)

// tendEvery is how often ages are looked at. Nobody counts a day in minutes.
const tendEvery = 10 * time.Minute

// maintain compresses, hashes and removes segments until the Journal ends.
func (j *Journal) maintain() {
	tick := time.NewTicker(min(tendEvery, j.config.period()))
	defer tick.Stop()
	failing := false
	for {
		err := j.tend(j.ending, time.Now())
		if j.ending.Err() != nil {
			return
		}
		switch {
		case errors.Is(err, errLocked): // somebody erases; later
		case err != nil && !failing:
			failing = true
			j.config.Notice(Notice{Event: Untended, Err: err})
		case err == nil && failing:
			failing = false
			j.config.Notice(Notice{Event: Recovered})
		}
		select {
		case <-j.ending.Done():
			return
		case <-tick.C:
		case <-j.sealed:
		}
	}
}

// tend does once what is due. One segment that cannot be tended does not keep the
// others from it.
func (j *Journal) tend(ctx context.Context, now time.Time) error {
	unlock, err := j.dir.tryLock(maintainLock)
	if err != nil {
		return err
	}
	defer unlock()
	all, stale, err := j.dir.segments()
	if err != nil {
		return err
	}
	for _, name := range stale {
		if gone := os.Remove(j.dir.file(name)); !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	for _, s := range all {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		failed := j.tendOne(ctx, now, s)
		if !errors.Is(failed, errGrown) { // by another daemon; later
			err = errors.Join(err, failed)
		}
	}
	return err
}

// tendOne gives one segment what its age asks for.
func (j *Journal) tendOne(ctx context.Context, now time.Time, s segment) error {
	age := now.Sub(s.begun)
	if age >= j.config.Keep {
		return j.expire(s)
	}
	if s.plain() {
		info, err := os.Stat(j.dir.file(s.name()))
		if err != nil || writable(s, info.Size(), now, j.config.period(), j.config.SegmentSize) {
			return err
		}
	}
	next := s.next()
	if age >= j.config.KeepAddresses && !s.hashed {
		next.hashed = true
		return j.dir.rewrite(ctx, s, next, j.hash.line)
	}
	if s.plain() || !j.dir.indexed(s) {
		return j.dir.rewrite(ctx, s, next, asItIs)
	}
	return nil
}

// expire removes a segment. A plain one may be in another daemon's hands, which
// finds out before it writes again.
func (j *Journal) expire(s segment) error {
	if s.plain() {
		unlock, err := j.dir.lock(writeLock)
		if err != nil {
			return err
		}
		defer unlock()
	}
	return j.dir.remove(s)
}

// indexed reports whether the index beside a segment can be read.
func (d directory) indexed(s segment) bool {
	x, err := d.openIndex(s)
	if err != nil {
		return false
	}
	x.close()
	return true
}

// line is a line with its addresses hashed. What cannot be read goes, for it may
// hold some.
func (h hasher) line(b []byte) ([]byte, error) {
	e, err := decode(b)
	if errors.Is(err, errVersion) {
		return nil, err
	}
	if err != nil {
		return nil, nil
	}
	h.entry(&e)
	enc := newEncoder()
	return enc.encode(&e)
}

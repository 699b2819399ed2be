package embedded

import (
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// The two buckets, which change together. In values a key has the time at which
// it expires, in eight bytes, and its value. In expiry that time and the key are
// one key, so that what expires first comes first.
const (
	valuesBucket = "values.1"
	expiryBucket = "expiry.1"
)

// stamp is the length of a time in the file: nanoseconds, the larger the later.
const stamp = 8

// file is the open file and what is in it.
type file struct {
	db         *bbolt.DB
	keys       map[string]time.Time // as read by open
	held       tally
	maxEntries int
	maxBytes   int64
}

// tally counts entries, and the bytes of their keys and values.
type tally struct {
	entries int
	bytes   int64
}

// change is a key that got a new time, or none.
type change struct {
	key     string
	expires time.Time
}

// open opens the file and reads all of its keys.
func open(c Config) (*file, error) {
	f := &file{keys: make(map[string]time.Time), maxEntries: c.MaxEntries, maxBytes: c.MaxBytes}
	if f.maxEntries <= 0 {
		f.maxEntries = 100_000
	}
	if f.maxBytes <= 0 {
		f.maxBytes = 32 << 20
	}
	var err error
	f.db, err = bbolt.Open(c.Path, 0o600, &bbolt.Options{
		Timeout: lockTime, NoStatistics: true, FreelistType: bbolt.FreelistMapType,
		MaxSize: int(4*f.maxBytes) + 256*f.maxEntries + 1<<20, // pages are half full, small entries mostly overhead
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, ErrInUse
	case err != nil:
		return nil, err
	}
	if err = f.db.View(f.checkPages); err == nil {
		err = f.db.Update(f.load)
	}
	if err != nil {
		f.db.Close()
		return nil, err
	}
	return f, nil
}

// load makes the buckets, forgets what has expired, and reads the keys.
func (f *file) load(tx *bbolt.Tx) error {
	for _, name := range []string{valuesBucket, expiryBucket} {
		if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	t, most := f.begin(tx), int(tx.Size())
	err := t.values.ForEach(func(key, value []byte) error {
		if len(value) < stamp || len(value) > stamp+MaxValue || len(key) > MaxKey {
			return damaged{fmt.Sprintf("an entry of %d and %d bytes", len(key), len(value))}
		}
		if t.held.entries > most { // pages that point at each other
			return damaged{"more entries than it has bytes"}
		}
		f.keys[string(key)] = timeOf(value)
		t.held.add(key, value, 1)
		return nil
	})
	if err == nil {
		err = t.expire(time.Now(), f.held.entries+t.held.entries)
	}
	if err == nil {
		err = t.makeRoom(f.maxEntries, f.maxBytes)
	}
	for _, c := range t.changes {
		delete(f.keys, c.key)
	}
	f.held = t.held
	return err
}

// do does what was asked for. After an error nothing has changed.
func (f *file) do(batch []request) (answers []answer, changes []change, err error) {
	writes := false
	for _, r := range batch {
		writes = writes || r.writes
	}
	run, now := f.db.View, time.Now()
	if writes {
		run = f.db.Update
	}
	var t *transaction
	err = run(func(tx *bbolt.Tx) error {
		t = f.begin(tx)
		for _, r := range batch {
			a, err := t.one(r, now)
			if err != nil {
				return err
			}
			answers = append(answers, a)
		}
		if !writes {
			return nil
		}
		if err := t.expire(now, maxBatch+len(batch)); err != nil {
			return err
		}
		return t.makeRoom(f.maxEntries, f.maxBytes)
	})
	if err != nil {
		return nil, nil, err
	}
	f.held = t.held
	return answers, t.changes, nil
}

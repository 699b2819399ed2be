package journal

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// errLocked is a lock that somebody else holds.
var errLocked = errors.New("another process is at work in the journal")

// lock waits for a lock. Only what is held for a moment is waited for so.
func (d directory) lock(name string) (unlock func(), err error) {
	return d.flock(name, syscall.LOCK_EX)
}

// tryLock does not wait: errLocked.
func (d directory) tryLock(name string) (unlock func(), err error) {
	return d.flock(name, syscall.LOCK_EX|syscall.LOCK_NB)
}

// flock opens the file each time: the directory may have been put away and made
// anew meanwhile. Locks of one process exclude each other too, since each has an
// open file of its own (flock(2)).
func (d directory) flock(name string, how int) (unlock func(), err error) {
	f, err := d.create(name, 0)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errLocked
		}
		return nil, &os.PathError{Op: "flock", Path: f.Name(), Err: err}
	}
	return func() { f.Close() }, nil
}

// lockPause is how often a lock is asked for that may be held for long.
const lockPause = 50 * time.Millisecond

// lockPatiently waits for a lock until the context ends.
func (d directory) lockPatiently(ctx context.Context, name string) (unlock func(), err error) {
	for {
		unlock, err = d.tryLock(name)
		if !errors.Is(err, errLocked) {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(errLocked, ctx.Err())
		case <-time.After(lockPause):
		}
	}
}

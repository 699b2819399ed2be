package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// batchSize is how much goes to the disk with one lock and one write.
const batchSize = 256 << 10

// write is the one goroutine that appends. It ends when the queue does.
func (j *Journal) write() {
	l := live{dir: j.dir, period: j.config.period(), limit: j.config.SegmentSize, sealed: j.sealed}
	defer l.leave()
	var room []byte
	for {
		batch, count, ok := j.queue.take(room[:0], batchSize)
		if !ok {
			return
		}
		if err := l.append(time.Now(), batch); err != nil {
			j.loseFor(LostDisk, count, err)
		} else {
			j.wrote()
		}
		if room = batch; cap(room) > 2*batchSize {
			room = nil
		}
		j.queue.pause(breath)
	}
}

// breath lies between two writes. Each of them locks, looks whether the file is
// still the right one and ends a torn line, which is dear for one Record; a busy
// server has some dozen together then. A Record that comes alone is written at once.
const breath = 10 * time.Millisecond

// live is the plain segment that Records are appended to.
type live struct {
	dir    directory
	period time.Duration
	limit  int64
	sealed chan<- struct{} // told when a segment is complete

	segment segment
	file    *os.File // nil: none is open
}

// append writes whole lines, all of them or none.
func (l *live) append(now time.Time, lines []byte) error {
	unlock, err := l.dir.lock(writeLock)
	if err != nil {
		return fmt.Errorf("append to the journal: %w", err)
	}
	defer unlock()
	size, err := l.follow(now)
	if err != nil {
		return fmt.Errorf("append to the journal: %w", err)
	}
	if err := l.repair(size); err != nil {
		return fmt.Errorf("append to the journal: %w", err)
	}
	if _, err := l.file.Write(lines); err != nil {
		// A part of a line may be there: a full disk takes what fits.
		err = errors.Join(err, l.file.Truncate(size))
		l.leave()
		return fmt.Errorf("append to the journal: %w", err)
	}
	return nil
}

// follow sees to it that the open file is the one to append to, and returns its
// size. Another process may have rewritten, compressed or removed it since.
func (l *live) follow(now time.Time) (size int64, err error) {
	if l.file != nil {
		size, err = l.current(now)
		if err != nil || l.file != nil {
			return size, err
		}
	}
	return l.open(now)
}

// current leaves the open file if it is not, or no longer, the right one.
func (l *live) current(now time.Time) (size int64, err error) {
	opened, err := l.file.Stat()
	if err != nil {
		l.leave()
		return 0, err
	}
	named, err := os.Stat(l.dir.file(l.segment.name()))
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return 0, err
	case err != nil || !os.SameFile(opened, named):
		l.leave()
	case !writable(l.segment, named.Size(), now, l.period, l.limit):
		l.leave()
		select {
		case l.sealed <- struct{}{}:
		default:
		}
	}
	return opened.Size(), nil
}

// writable reports whether a plain segment may be appended to: it is not full and
// its period is not over. A clock that went back leaves it for a new one.
func writable(s segment, size int64, now time.Time, period time.Duration, limit int64) bool {
	now = now.UTC()
	return s.plain() && size < limit && !s.begun.After(now) && s.begun.Truncate(period).Equal(now.Truncate(period))
}

// open takes the newest segment if it may be appended to, as after a restart, or
// else makes one.
func (l *live) open(now time.Time) (size int64, err error) {
	all, _, err := l.dir.segments()
	if err != nil {
		return 0, err
	}
	if len(all) > 0 {
		s := all[len(all)-1]
		info, err := os.Stat(l.dir.file(s.name()))
		if err == nil && writable(s, info.Size(), now, l.period, l.limit) {
			l.segment = s
			l.file, err = os.OpenFile(l.dir.file(s.name()), os.O_RDWR|os.O_APPEND, 0)
			return info.Size(), err
		}
	}
	return 0, l.begin(now, all)
}

// maxNumber is how many segments may begin in one second.
const maxNumber = 999

// begin makes a segment. A name is never used twice, not even by segments that
// have been compressed.
func (l *live) begin(now time.Time, all []segment) error {
	used := map[string]bool{}
	for _, s := range all {
		used[s.base] = true
	}
	for n := range maxNumber + 1 {
		s := newSegment(now, n)
		if used[s.base] {
			continue
		}
		f, err := l.dir.create(s.name(), os.O_EXCL|os.O_APPEND)
		if err == nil {
			l.segment, l.file = s, f
			return nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return errors.New("too many segments for one second")
}

// repair ends a line that a crash has torn. A reader skips it.
func (l *live) repair(size int64) error {
	if size == 0 {
		return nil
	}
	var last [1]byte
	if _, err := l.file.ReadAt(last[:], size-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err := l.file.Write([]byte{'\n'})
	return err
}

func (l *live) leave() {
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
}

package main

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// lineQueue writes lines in the background. A journal that is slow or has
// stopped reading must never delay mail: when the queue is full, lines are lost
// and counted.
type lineQueue struct {
	out    io.Writer
	lines  chan *[]byte
	free   sync.Pool
	held   atomic.Int64 // bytes of memory behind lines
	lost   atomic.Int64
	ending chan struct{}
	ended  chan struct{}
	once   sync.Once
}

// queueLength is some seconds of a busy server.
const queueLength = 4096

// queueBytes bounds what lines may take while they wait, because strangers have
// a say in how long lines are.
const queueBytes = 8 << 20

// maxPooled is the largest buffer that is kept for another line: one long line
// must not make all later ones expensive.
const maxPooled = 8 << 10

// batchSize bounds how much goes out with one write: a journal's line buffer
// takes it whole.
const batchSize = 32 << 10

// newLineQueue starts the one goroutine that writes.
func newLineQueue(out io.Writer, length int) *lineQueue {
	q := &lineQueue{
		out: out, lines: make(chan *[]byte, length),
		ending: make(chan struct{}), ended: make(chan struct{}),
	}
	go q.run()
	return q
}

// Write takes one line. It never blocks and never fails.
func (q *lineQueue) Write(line []byte) (int, error) {
	select {
	case <-q.ending:
		q.lost.Add(1)
		return len(line), nil
	default:
	}
	room, _ := q.free.Get().(*[]byte)
	if room == nil {
		room = new([]byte)
	}
	*room = append((*room)[:0], oneEntry(line)...)
	if q.held.Add(int64(cap(*room))) <= queueBytes {
		select {
		case q.lines <- room:
			return len(line), nil
		default:
		}
	}
	q.release(room)
	q.lost.Add(1)
	return len(line), nil
}

// release gives back the memory of a line that no longer waits.
func (q *lineQueue) release(room *[]byte) {
	q.held.Add(-int64(cap(*room)))
	if cap(*room) <= maxPooled {
		q.free.Put(room)
	}
}

func (q *lineQueue) run() {
	defer close(q.ended)
	var batch []byte
	for {
		select {
		case line := <-q.lines:
			batch = q.flush(batch, line)
			q.pause()
		case <-q.ending:
			for {
				select {
				case line := <-q.lines:
					batch = q.flush(batch, line)
				default:
					return
				}
			}
		}
	}
}

// breath lies between two writes: a busy server has some lines together then, and
// wakes this goroutine once for them. A line that comes alone is written at once.
const breath = 2 * time.Millisecond

func (q *lineQueue) pause() {
	t := time.NewTimer(breath)
	defer t.Stop()
	select {
	case <-t.C:
	case <-q.ending:
	}
}

// flush writes a line and those that wait behind it, in one go.
func (q *lineQueue) flush(batch []byte, line *[]byte) []byte {
	batch = batch[:0]
	count := int64(0)
	for {
		batch = append(batch, *line...)
		q.release(line)
		count++
		if len(batch) >= batchSize {
			break
		}
		select {
		case line = <-q.lines:
			continue
		default:
		}
		break
	}
	if _, err := q.out.Write(batch); err != nil {
		q.lost.Add(count)
	}
	return batch
}

// Close writes what waits, for at most so long. Later lines are lost.
func (q *lineQueue) Close(patience time.Duration) {
	q.once.Do(func() { close(q.ending) })
	select {
	case <-q.ended:
	case <-time.After(patience):
	}
}

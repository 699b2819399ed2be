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
	lost   atomic.Int64
	ending chan struct{}
	ended  chan struct{}
	once   sync.Once
}

// queueLength is some seconds of a busy server, and at most a few MB.
const queueLength = 4096

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
	*room = append((*room)[:0], line...)
	select {
	case q.lines <- room:
	default:
		q.lost.Add(1)
	}
	return len(line), nil
}

func (q *lineQueue) run() {
	defer close(q.ended)
	var batch []byte
	for {
		select {
		case line := <-q.lines:
			batch = q.flush(batch, line)
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

// flush writes a line and those that wait behind it, in one go.
func (q *lineQueue) flush(batch []byte, line *[]byte) []byte {
	batch = batch[:0]
	count := int64(0)
	for {
		batch = append(batch, *line...)
		q.free.Put(line)
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

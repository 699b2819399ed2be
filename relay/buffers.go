package relay

import (
	"bufio"
	"sync"
)

// readSize is the buffer of a message that comes in quickly.
const readSize = 32 << 10

// buffers lends byte slices of one capacity: readSize, and what a decoder may
// add to it.
type buffers struct{ pool sync.Pool }

func (b *buffers) take() *[]byte {
	if lent, ok := b.pool.Get().(*[]byte); ok {
		return lent
	}
	fresh := make([]byte, 0, readSize+8<<10)
	return &fresh
}

func (b *buffers) give(lent *[]byte) { b.pool.Put(lent) }

// readers lends buffered readers, for headers.
type readers struct{ pool sync.Pool }

func (r *readers) take() *bufio.Reader {
	if lent, ok := r.pool.Get().(*bufio.Reader); ok {
		return lent
	}
	return bufio.NewReaderSize(nil, 4096)
}

func (r *readers) give(lent *bufio.Reader) {
	lent.Reset(nil) // it must not keep a message alive
	r.pool.Put(lent)
}

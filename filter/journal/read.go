package journal

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
)

// lines goes through the complete lines of r, without their ends. One that is
// longer than any Record is skipped, and so is the last one if it has no end: it
// is being written, or a crash has torn it. A line is valid until the next one.
func lines(ctx context.Context, r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		in := bufio.NewReaderSize(r, 128<<10)
		var room []byte
		for n := 0; ; n++ {
			if n%64 == 0 && ctx.Err() != nil {
				yield(nil, ctx.Err())
				return
			}
			line, err := in.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) {
				line, room, err = long(in, append(room[:0], line...))
			}
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(nil, err)
				return
			case len(line) > maxLine || len(line) < 2:
				continue
			}
			if !yield(line[:len(line)-1], nil) {
				return
			}
		}
	}
}

// long reads the rest of a line that is longer than the buffer. Of one that is too
// long it keeps enough to show that.
func long(in *bufio.Reader, begun []byte) (line, room []byte, err error) {
	for {
		more, err := in.ReadSlice('\n')
		if len(begun) <= maxLine {
			begun = append(begun, more...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return begun, begun, err
		}
	}
}

// open gives what a segment says, unpacked.
func (d directory) open(s segment) (io.ReadCloser, error) {
	f, err := os.Open(d.file(s.name()))
	if err != nil || s.plain() {
		return f, err
	}
	return unpack(f)
}

// unpacked closes both.
type unpacked struct {
	*gzip.Reader
	file io.Closer
}

func (u unpacked) Close() error { return errors.Join(u.Reader.Close(), u.file.Close()) }

func unpack(f *os.File) (io.ReadCloser, error) {
	z, err := gzip.NewReader(f)
	if errors.Is(err, io.EOF) {
		return struct {
			io.Reader
			io.Closer
		}{bytes.NewReader(nil), f}, nil // erased to nothing
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return unpacked{z, f}, nil
}

// linesOf goes through a segment.
func (d directory) linesOf(ctx context.Context, s segment) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		r, err := d.open(s)
		if err != nil {
			yield(nil, err)
			return
		}
		defer r.Close()
		for line, err := range lines(ctx, r) {
			if err != nil {
				err = fmt.Errorf("%s: %w", d.file(s.name()), err)
			}
			if !yield(line, err) {
				return
			}
		}
	}
}

// linesAt goes through one block of a compressed segment.
func (d directory) linesAt(ctx context.Context, f *os.File, offset int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		in := bufio.NewReader(io.NewSectionReader(f, offset, maxSegment))
		z, err := gzip.NewReader(in)
		if err != nil {
			yield(nil, fmt.Errorf("%s at %d: %w", f.Name(), offset, err))
			return
		}
		z.Multistream(false)
		for line, err := range lines(ctx, z) {
			if err != nil {
				err = fmt.Errorf("%s at %d: %w", f.Name(), offset, err)
			}
			if !yield(line, err) {
				return
			}
		}
	}
}

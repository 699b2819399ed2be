package journal

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"slices"
	"time"
)

// Archive reads a journal, also while a daemon writes it.
type Archive struct {
	dir  directory
	hash hasher
}

// OpenArchive finds the journal in a directory.
func OpenArchive(path string) (*Archive, error) {
	d, err := findDirectory(path)
	if err != nil {
		return nil, err
	}
	key, err := d.readKey()
	if err != nil {
		return nil, err
	}
	return &Archive{d, hasher{key}}, nil
}

// Query says which Records are wanted. Every field that is set must agree; the
// zero Query wants all. The first three are looked up, an Address is searched for.
type Query struct {
	Reference string // as somebody typed it
	QueueID   string // the next hop's
	MessageID string // with or without angle brackets

	// Address is an address of a person, in any case of letters. Records that name
	// it in the envelope, in the header's From, or in what was said are wanted;
	// also those in which it is hashed.
	Address string

	From, To time.Time // of the outcome: from the one, and before the other; zero: open
}

// All are the Records that q wants, oldest first. A file that is damaged is an
// error among them, and what comes after it is read all the same.
func (a *Archive) All(ctx context.Context, q Query) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		w := a.want(q)
		all, _, err := a.dir.segments()
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for _, s := range w.within(all) {
			for e, err := range a.found(ctx, s, w) {
				if !yield(e, err) || ctx.Err() != nil {
					return
				}
			}
		}
	}
}

// Last are the newest n Records that q wants, newest first. With an error, they
// are those that could be read.
func (a *Archive) Last(ctx context.Context, q Query, n int) (last []Entry, err error) {
	w := a.want(q)
	all, _, err := a.dir.segments()
	if err != nil {
		return nil, err
	}
	all = w.within(all)
	for _, s := range slices.Backward(all) {
		var here []Entry // the newest ones; twice as many now and then
		for e, failed := range a.found(ctx, s, w) {
			if failed != nil {
				err = errors.Join(err, failed)
				continue
			}
			if here = append(here, e); len(here) >= 2*n {
				here = append(here[:0], here[len(here)-n:]...)
			}
		}
		slices.Reverse(here)
		last = append(last, here[:min(len(here), n-len(last))]...)
		if len(last) >= n || ctx.Err() != nil {
			break
		}
	}
	return last, err
}

// found goes through the Records of one segment that are wanted. One that was
// rewritten after the directory was read is looked for under its new name.
func (a *Archive) found(ctx context.Context, s segment, w *wanted) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for tries := 0; ; tries++ {
			gone := false
			for e, err := range a.entries(ctx, s, w) {
				if errors.Is(err, fs.ErrNotExist) {
					gone = true
					break
				}
				if !yield(e, err) {
					return
				}
			}
			if !gone || tries == 3 {
				return
			}
			var there bool
			if s, there = a.dir.newest(s.base); !there {
				return // expired
			}
		}
	}
}

// newest is the segment of that base as it is called now.
func (d directory) newest(base string) (segment, bool) {
	all, _, err := d.segments()
	i := slices.IndexFunc(all, func(s segment) bool { return s.base == base })
	if err != nil || i < 0 {
		return segment{}, false
	}
	return all[i], true
}

// entries looks into one segment as it is called now.
func (a *Archive) entries(ctx context.Context, s segment, w *wanted) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for line, err := range a.candidates(ctx, s, w) {
			if err != nil {
				if !yield(Entry{}, err) {
					return
				}
				continue
			}
			e, err := decode(line)
			if err != nil || !w.match(&e) {
				continue // a torn line, or a later release's
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// candidates are lines that may be wanted. What has an index is not read whole.
func (a *Archive) candidates(ctx context.Context, s segment, w *wanted) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		source := a.dir.linesOf(ctx, s)
		if len(w.keys) > 0 && !s.plain() {
			if found, err := a.lookUp(ctx, s, w); err == nil {
				source = found
			} // or else the index is damaged or not there, and will be made again
		}
		for line, err := range source {
			if err == nil && !w.looksLike(line) {
				continue
			}
			if !yield(line, err) {
				return
			}
		}
	}
}

// lookUp goes through the blocks that the index names.
func (a *Archive) lookUp(ctx context.Context, s segment, w *wanted) (iter.Seq2[[]byte, error], error) {
	x, err := a.dir.openIndex(s)
	if err != nil {
		return nil, err
	}
	defer x.close()
	var offsets []int64
	if w.second.IsZero() || !w.second.Before(x.earliest) && !w.second.After(x.latest) {
		for _, key := range w.keys {
			found, err := x.find(key)
			if err != nil {
				return nil, err
			}
			offsets = append(offsets, found...)
		}
	}
	slices.Sort(offsets)
	offsets = slices.Compact(offsets)
	return func(yield func([]byte, error) bool) {
		if len(offsets) == 0 {
			return
		}
		f, err := os.Open(a.dir.file(s.name()))
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close()
		for _, offset := range offsets {
			for line, err := range a.dir.linesAt(ctx, f, offset) {
				if !yield(line, err) {
					return
				}
			}
		}
	}, nil
}

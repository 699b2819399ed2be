package journal

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// blockSize is how much is packed, and unpacked, at once: as much as a look-up may
// read in vain.
const blockSize = 256 << 10

// maxSegment bounds a segment that can be compressed: blockSize for each block.
const maxSegment = maxBlocks * blockSize / 2

// errGrown is a plain segment that was appended to while it was being rewritten.
var errGrown = errors.New("the segment has grown meanwhile")

// edit is a line as it shall be from now on, with its end; empty when it shall go.
type edit func(line []byte) ([]byte, error)

// asItIs keeps a line.
func asItIs(line []byte) ([]byte, error) { return append(line[:len(line):len(line)], '\n'), nil }

// rewrite writes a segment anew under another name, compressed and with its index,
// and removes the old one. Whoever calls it holds the lock maintainLock.
func (d directory) rewrite(ctx context.Context, from, to segment, change edit) error {
	size := int64(-1)
	if from.plain() {
		info, err := os.Stat(d.file(from.name()))
		if err != nil {
			return err
		}
		if size = info.Size(); size > maxSegment {
			return fmt.Errorf("%s: %d bytes are too many to compress", d.file(from.name()), size)
		}
	}
	x := &indexer{}
	if err := d.pack(ctx, from, to, change, x); err != nil {
		os.Remove(d.file(to.name() + unfinished))
		return fmt.Errorf("rewrite %s: %w", from.name(), err)
	}
	err := d.put(to.index(), x.bytes())
	if err == nil {
		err = d.replace(from, to, size)
	}
	if err != nil {
		os.Remove(d.file(to.name() + unfinished))
		return fmt.Errorf("rewrite %s: %w", from.name(), err)
	}
	if len(x.offsets) == 0 { // nothing is left
		return d.remove(to)
	}
	return nil
}

// replace puts what was written in the place of what it was written from, unless
// that has grown.
func (d directory) replace(from, to segment, size int64) error {
	if from.plain() {
		unlock, err := d.lock(writeLock)
		if err != nil {
			return err
		}
		defer unlock()
		info, err := os.Stat(d.file(from.name()))
		if err != nil {
			return err
		}
		if info.Size() != size {
			return errGrown
		}
	}
	if err := os.Rename(d.file(to.name()+unfinished), d.file(to.name())); err != nil {
		return err
	}
	return d.remove(from)
}

// remove removes a segment, its index last: without one it can still be read.
func (d directory) remove(s segment) error {
	err := os.Remove(d.file(s.name()))
	if !s.plain() {
		if gone := os.Remove(d.file(s.index())); !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

// put writes a small file, whole or not at all.
func (d directory) put(name string, data []byte) error {
	f, err := d.create(name+unfinished, os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(d.file(name+unfinished), d.file(name))
	}
	if err != nil {
		os.Remove(d.file(name + unfinished))
	}
	return err
}

// pack writes the lines of a segment into the unfinished next one.
func (d directory) pack(ctx context.Context, from, to segment, change edit, x *indexer) error {
	f, err := d.create(to.name()+unfinished, os.O_TRUNC)
	if err != nil {
		return err
	}
	defer f.Close()
	p := &packer{out: f, index: x}
	for line, err := range d.linesOf(ctx, from) {
		if err != nil {
			return err
		}
		changed, err := change(line)
		if err != nil {
			return err
		}
		if err := p.add(changed); err != nil {
			return err
		}
	}
	return errors.Join(p.flush(), f.Sync())
}

// packer makes gzip members of some lines each.
type packer struct {
	out    io.Writer
	index  *indexer
	offset int64
	block  bytes.Buffer
	packed bytes.Buffer
	gzip   *gzip.Writer
}

// add takes a line with its end. One that is torn is not worth keeping: nobody
// could find it.
func (p *packer) add(line []byte) error {
	k, ok := keysOf(line)
	if !ok {
		return nil
	}
	if p.block.Len() == 0 {
		p.index.block(p.offset)
	}
	p.index.add(k.ID, k.QueueID, bareMessageID(k.MessageID))
	p.block.Write(line)
	if p.block.Len() >= blockSize {
		return p.flush()
	}
	return nil
}

// keys are what a Record is looked up by.
type keys struct {
	ID        string `json:"id"`
	QueueID   string `json:"queue_id"`
	MessageID string `json:"message_id"`
}

// keysOf reads the keys of a line. They stand in front of its time; to read all of
// it would be the greatest part of the work of compressing it. Inside a string of
// JSON there is no quotation mark without a backslash.
func keysOf(line []byte) (k keys, ok bool) {
	if !bytes.HasSuffix(line, []byte("}\n")) {
		return k, false
	}
	if head, _, found := bytes.Cut(line, []byte(`,"time":`)); found {
		line = append(head[:len(head):len(head)], '}')
	}
	return k, json.Unmarshal(line, &k) == nil
}

// flush writes one member. The fastest compression is a sixth of the size as well,
// and costs a message a few microseconds.
func (p *packer) flush() error {
	if p.block.Len() == 0 {
		return nil
	}
	p.packed.Reset()
	if p.gzip == nil {
		var err error
		if p.gzip, err = gzip.NewWriterLevel(&p.packed, gzip.BestSpeed); err != nil {
			return err
		}
	} else {
		p.gzip.Reset(&p.packed)
	}
	p.gzip.Write(p.block.Bytes()) // into memory
	if err := p.gzip.Close(); err != nil {
		return err
	}
	n, err := p.out.Write(p.packed.Bytes())
	p.offset += int64(n)
	p.block.Reset()
	return err
}

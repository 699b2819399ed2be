package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"slices"
	"sort"
	"time"

	"proxyfilter/filter"
)

// An index is, in little endian:
//
//	magic     8 bytes
//	earliest  int64, the second that the earliest reference names
//	latest    int64
//	blocks    uint32, how many
//	entries   uint32, how many
//	offsets   one int64 a block: where it begins in the compressed file
//	sorted    one uint64 an entry: 48 bits of hash, 16 bits of block
//
// A false match, one in 10^7 among 30 million entries, unpacks a block in vain.
const (
	indexMagic  = "pfindex1"
	indexHeader = 32
	blockBits   = 16
	maxBlocks   = 1 << blockBits
	maxEntries  = 1 << 27 // of what is believed when an index is read
)

// keyKind keeps a queue id from being found as a reference.
type keyKind byte

const (
	byReference keyKind = 'r'
	byQueueID   keyKind = 'q'
	byMessageID keyKind = 'm'
)

// hashOf is the upper part of an entry.
func hashOf(kind keyKind, text string) uint64 {
	h := fnv.New64a()
	h.Write([]byte{byte(kind)})
	io.WriteString(h, text)
	// FNV's low bits are its good ones, and short texts leave the high ones alike.
	return h.Sum64() << blockBits
}

// indexer collects the entries of a segment that is being written.
type indexer struct {
	earliest, latest int64
	offsets          []int64
	entries          []uint64
}

// block says that what is added from now on stands at that offset.
func (x *indexer) block(offset int64) { x.offsets = append(x.offsets, offset) }

// add enters a Record under all that it can be looked up by.
func (x *indexer) add(reference, queueID, messageID string) {
	if t, err := filter.ReferenceTime(reference); err == nil {
		if x.latest == 0 || t.Unix() < x.earliest {
			x.earliest = t.Unix()
		}
		x.latest = max(x.latest, t.Unix())
	}
	x.enter(byReference, reference)
	x.enter(byQueueID, queueID)
	x.enter(byMessageID, messageID)
}

func (x *indexer) enter(kind keyKind, text string) {
	if text != "" {
		x.entries = append(x.entries, hashOf(kind, text)|uint64(len(x.offsets)-1))
	}
}

// bytes is the index as a file.
func (x *indexer) bytes() []byte {
	slices.Sort(x.entries)
	x.entries = slices.Compact(x.entries)
	b := append(make([]byte, 0, indexHeader+8*(len(x.offsets)+len(x.entries))), indexMagic...)
	b = binary.LittleEndian.AppendUint64(b, uint64(x.earliest))
	b = binary.LittleEndian.AppendUint64(b, uint64(x.latest))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(x.offsets)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(x.entries)))
	for _, o := range x.offsets {
		b = binary.LittleEndian.AppendUint64(b, uint64(o))
	}
	for _, e := range x.entries {
		b = binary.LittleEndian.AppendUint64(b, e)
	}
	return b
}

// errIndex is a file that is no index.
var errIndex = errors.New("not an index")

// index is one that is being read. Only what is asked for is read.
type index struct {
	file             *os.File
	earliest, latest time.Time
	blocks, entries  int
}

func (d directory) openIndex(s segment) (*index, error) {
	f, err := os.Open(d.file(s.index()))
	if err != nil {
		return nil, err
	}
	x := &index{file: f}
	if err := x.header(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return x, nil
}

// header reads the header, and believes it only if the file is as long as it says.
func (x *index) header() error {
	var b [indexHeader]byte
	if _, err := x.file.ReadAt(b[:], 0); err != nil {
		return err
	}
	x.earliest = time.Unix(int64(binary.LittleEndian.Uint64(b[8:])), 0)
	x.latest = time.Unix(int64(binary.LittleEndian.Uint64(b[16:])), 0)
	x.blocks, x.entries = int(binary.LittleEndian.Uint32(b[24:])), int(binary.LittleEndian.Uint32(b[28:]))
	info, err := x.file.Stat()
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(b[:], []byte(indexMagic)) || x.blocks > maxBlocks || x.entries > maxEntries ||
		info.Size() != int64(indexHeader+8*(x.blocks+x.entries)) {
		return errIndex
	}
	return nil
}

func (x *index) close() { x.file.Close() }

// number is the nth of the offsets and entries.
func (x *index) number(n int) (uint64, error) {
	var b [8]byte
	_, err := x.file.ReadAt(b[:], int64(indexHeader+8*n))
	return binary.LittleEndian.Uint64(b[:]), err
}

// find returns the offsets of the blocks that may hold what has that hash, in the
// order of the file.
func (x *index) find(hash uint64) (offsets []int64, err error) {
	at := func(i int) uint64 {
		n, failed := x.number(x.blocks + i)
		err = errors.Join(err, failed)
		return n
	}
	for i := sort.Search(x.entries, func(i int) bool { return at(i) >= hash }); i < x.entries && err == nil; i++ {
		entry := at(i)
		if entry>>blockBits != hash>>blockBits {
			break
		}
		block := int(entry & (maxBlocks - 1))
		if block >= x.blocks {
			return nil, errIndex
		}
		offset, failed := x.number(block)
		err = errors.Join(err, failed)
		offsets = append(offsets, int64(offset))
	}
	return offsets, err
}

package embedded

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"go.etcd.io/bbolt"
)

// The layout of bbolt's pages, as far as it says which page leads to which: a page
// has a head, and behind it its elements. Numbers are in the order of this machine.
const (
	headSize    = 16 // id 8, flags 2, count 2, overflow 4
	elementSize = 16 // branch: position 4, size 4, page 8. Leaf: flags 4, position 4, size 4, size 4

	isBranch, isLeaf = 0x01, 0x02
	isBucket         = 0x01 // of a leaf's element: the value begins with the page of a bucket
)

// checkPages looks whether each page is reached once. bbolt follows a page that
// leads to itself until memory is used up, and that cannot be contained.
func (f *file) checkPages(tx *bbolt.Tx) error {
	pages, err := os.Open(f.db.Path())
	if err != nil {
		return err
	}
	defer pages.Close()
	size := int64(f.db.Info().PageSize)
	seen := make(map[uint64]bool)
	for next := []uint64{uint64(tx.Cursor().Bucket().Root())}; len(next) > 0; {
		id := next[len(next)-1]
		next = next[:len(next)-1]
		if seen[id] || id >= uint64(tx.Size()/size) {
			return damaged{fmt.Sprintf("page %d is where it cannot be", id)}
		}
		seen[id] = true
		page, err := readPage(pages, int64(id)*size, size, tx.Size())
		if err != nil {
			return err
		}
		if next, err = children(page, next); err != nil {
			return err
		}
	}
	return nil
}

// readPage reads a page with what overflows from it.
func readPage(from io.ReaderAt, at, size, limit int64) ([]byte, error) {
	page := make([]byte, size)
	if _, err := from.ReadAt(page, at); err != nil {
		return nil, damaged{err.Error()}
	}
	whole := size * (1 + int64(binary.NativeEndian.Uint32(page[12:])))
	switch {
	case whole == size:
		return page, nil
	case whole > limit-at:
		return nil, damaged{"a page that is larger than the file"}
	}
	page = make([]byte, whole)
	if _, err := from.ReadAt(page, at); err != nil {
		return nil, damaged{err.Error()}
	}
	return page, nil
}

// children adds the pages that a page leads to.
func children(page []byte, to []uint64) ([]uint64, error) {
	number := binary.NativeEndian
	flags, count := number.Uint16(page[8:]), int(number.Uint16(page[10:]))
	if flags != isBranch && flags != isLeaf || headSize+count*elementSize > len(page) {
		return nil, damaged{fmt.Sprintf("a page with flags %#x and %d elements", flags, count)}
	}
	for i := range count {
		element := page[headSize+i*elementSize:]
		if flags == isBranch {
			to = append(to, number.Uint64(element[8:]))
			continue
		}
		if number.Uint32(element) != isBucket {
			continue
		}
		value := uint64(number.Uint32(element[4:])) + uint64(number.Uint32(element[8:])) // position, and the key before it
		if value+8 > uint64(len(element)) {
			return nil, damaged{"an element that is not in its page"}
		}
		if root := number.Uint64(element[value:]); root != 0 { // else it is within its value
			to = append(to, root)
		}
	}
	return to, nil
}

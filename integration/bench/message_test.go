package main

import (
	"bytes"
	"errors"
	"testing"
)

func TestALetterHasItsSizeAndIsKnownAgain(t *testing.T) {
	for _, size := range []int{1024, 1025, 1026, 1090, 1099, 1100, 4096, 100 << 10} {
		l := newLetter(0xabc, size)
		for _, n := range []uint32{0, 1, 77, 1 << 31} {
			l.number(n)
			if len(l.content) != size || !bytes.HasSuffix(l.content, []byte("\r\n")) {
				t.Fatalf("size %d: %d bytes, end %q", size, len(l.content), l.content[len(l.content)-4:])
			}
			if got := unstuff(bytes.Clone(l.wire)); !bytes.Equal(got, l.content) {
				t.Fatalf("size %d: the wire form is another message", size)
			}
			if m, err := inspect(l.content); err != nil || m != (mark{0xabc, n}) {
				t.Fatalf("size %d, number %d: got %v, %v", size, n, m, err)
			}
		}
	}
}

func TestInspect(t *testing.T) {
	l := newLetter(7, 1024)
	l.number(3)
	changed := func(at int) []byte {
		c := bytes.Clone(l.content)
		c[at] ^= 1
		return c
	}
	for _, test := range []struct {
		name    string
		content []byte
		want    error
	}{
		{"a message as sent is whole", l.content, nil},
		{"fields may stand above", append([]byte("X-Spam-Score: 0.9\r\n"), l.content...), nil},
		{"half a field above is damage", append([]byte("X-Spam-Score: 0.9"), l.content...), errDamaged},
		{"a changed body is damage", changed(1000), errDamaged},
		{"a changed number is damage", changed(l.n + 7), errDamaged},
		{"a changed sum is damage", changed(l.sum), errDamaged},
		{"a changed Received field is damage", changed(20), errDamaged},
		{"a missing last byte is damage", l.content[:len(l.content)-1], errDamaged},
		{"a further line is damage", append(bytes.Clone(l.content), "x\r\n"...), errDamaged},
		{"a message of somebody else is foreign", []byte("Subject: x\r\n\r\nx\r\n"), errForeign},
		{"a mark cut short is foreign", []byte("a\r\nX-Bench: 0000"), errForeign},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := inspect(test.content); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// Whatever arrives, inspect neither fails nor takes a damaged message for a
// whole one: what it accepts holds the letter of that number, byte for byte.
func FuzzInspect(f *testing.F) {
	l := newLetter(1, 1024)
	l.number(5)
	f.Add(l.content)
	f.Add(append([]byte("X: y\r\n"), l.content...))
	f.Add([]byte("\r\nX-Bench: 00000009 00000000"))
	f.Fuzz(func(t *testing.T, content []byte) {
		m, err := inspect(content)
		if err != nil || m.run != 1 {
			return
		}
		l.number(m.n)
		if !bytes.HasSuffix(content, l.content) && len(content) < 2048 {
			t.Errorf("took %q for message %d", content, m.n)
		}
	})
}

func TestTheLedgerForgivesNothing(t *testing.T) {
	letter := func(run, n uint32) []byte {
		l := newLetter(run, 1024)
		l.number(n)
		return l.content
	}
	var l ledger
	l.begin(2, 3)
	for _, content := range [][]byte{
		letter(2, 0), letter(2, 1), letter(2, 1), // one twice
		letter(1, 0), letter(2, 3), // an earlier run, and beyond the end
		letter(2, 2)[:900],
	} {
		l.enter(content)
	}
	want := book{Held: 2, Duplicates: 1, Strange: 2, Damaged: 1}
	if got := l.read(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	l.begin(3, 1)
	if got := l.read(); got != (book{}) {
		t.Errorf("a new run begins with %+v", got)
	}
}

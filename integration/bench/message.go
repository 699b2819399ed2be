package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// mark names one message: the run that it belongs to, and its number there.
type mark struct{ run, n uint32 }

// The fields by which the sink knows a message again. Both numbers of the mark
// field have a fixed width, so that a message is made by patching a template.
const (
	firstField = "Received: from "
	idField    = "\r\nMessage-ID: <"
	markField  = "\r\nX-Bench: "
	noSum      = "00000000"
	hexLen     = 8
)

// letter is a message that can be numbered again and again without a copy.
type letter struct {
	content []byte // as the next hop keeps it
	wire    []byte // the same, dots stuffed, without the end of data
	n, sum  int    // offsets of the two changing numbers, equal in both
}

// newLetter makes a template of the given size in bytes (at least about 700).
// It begins with the Received field that Postfix writes before it passes a
// message to its proxy, and holds a line that must be stuffed.
func newLetter(run uint32, size int) *letter {
	var b bytes.Buffer
	b.WriteString(firstField + "mail.example.org (mail.example.org [198.51.100.7])\r\n" +
		"\tby mx.bench.test (Postfix) with ESMTP\r\n" +
		"\tfor <recipient@bench.test>; Sat, 21 Nov 2026 20:00:00 +0000 (UTC)")
	fmt.Fprintf(&b, idField+"%08x.", run)
	l := &letter{n: b.Len()}
	b.WriteString(noSum + "@bench.test>\r\n" +
		"From: Sender <sender@example.org>\r\nTo: recipient@bench.test\r\n" +
		"Subject: a message of the benchmark\r\nDate: Sat, 21 Nov 2026 20:00:00 +0000\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii")
	fmt.Fprintf(&b, markField+"%08x ", size)
	l.sum = b.Len()
	b.WriteString(noSum + "\r\n\r\n.a line that begins with a dot\r\n")
	b.WriteString(filler(size - b.Len()))
	l.content = b.Bytes()
	l.wire = bytes.ReplaceAll(l.content, []byte("\r\n."), []byte("\r\n.."))
	return l
}

// filler is n bytes of lines of at most 74 bytes that end with CRLF.
func filler(n int) string {
	const line = "The quick brown fox jumps over the lazy dog and goes on its way, 0123456\r\n"
	if n < len(line) {
		return strings.Repeat("x", max(0, n-2)) + "\r\n"
	}
	rest := n % len(line)
	if rest < 2 { // no room for a line end: borrow a line
		rest += len(line)
	}
	return strings.Repeat(line, (n-rest)/len(line)) + strings.Repeat("x", rest-2) + "\r\n"
}

// number makes the letter the n-th of its run. Its bytes change in place.
func (l *letter) number(n uint32) {
	putHex(l.content[l.n:], n)
	copy(l.wire[l.n:l.n+hexLen], l.content[l.n:])
	putHex(l.content[l.sum:], checksum(l.content, l.sum))
	copy(l.wire[l.sum:l.sum+hexLen], l.content[l.sum:])
}

// putHex writes eight digits.
func putHex(b []byte, v uint32) {
	_ = hex.Encode(b[:hexLen], []byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

// checksum is over all the content, with noSum where the sum itself stands.
// CRC-32C is in the processor, so that checking costs next to nothing; it is
// to find damage, not forgery.
func checksum(content []byte, at int) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(0, table, content[:at])
	sum = crc32.Update(sum, table, []byte(noSum))
	return crc32.Update(sum, table, content[at+hexLen:])
}

var (
	errForeign = errors.New("not a message of this program")
	errDamaged = errors.New("the content has changed")
)

// inspect reads the mark of a message and compares every byte that the
// generator sent. Header fields of the filter may stand above, whole lines only.
func inspect(content []byte) (mark, error) {
	at := bytes.Index(content, []byte(markField))
	if at < 0 {
		return mark{}, errForeign
	}
	numbers := content[at+len(markField):]
	size, err := readHex(numbers)
	if err != nil || len(numbers) < 2*hexLen+1 {
		return mark{}, errForeign
	}
	sum, err := readHex(numbers[hexLen+1:])
	if err != nil || int64(size) > int64(len(content)) {
		return mark{}, errDamaged
	}
	top := len(content) - int(size)
	ours, sumAt := content[top:], at+len(markField)+hexLen+1-top
	switch {
	case top > 0 && !bytes.HasSuffix(content[:top], []byte("\r\n")):
		return mark{}, errDamaged
	case !bytes.HasPrefix(ours, []byte(firstField)) || sumAt < 0 || checksum(ours, sumAt) != sum:
		return mark{}, errDamaged
	}
	return readMark(ours)
}

// readMark reads the Message-ID.
func readMark(ours []byte) (mark, error) {
	at := bytes.Index(ours, []byte(idField))
	if at < 0 || len(ours) < at+len(idField)+2*hexLen+1 {
		return mark{}, errForeign
	}
	id := ours[at+len(idField):]
	run, err := readHex(id)
	if err != nil {
		return mark{}, errForeign
	}
	n, err := readHex(id[hexLen+1:])
	if err != nil {
		return mark{}, errForeign
	}
	return mark{run, n}, nil
}

// readHex reads what putHex has written. Another spelling of the number is damage.
func readHex(b []byte) (uint32, error) {
	if len(b) < hexLen {
		return 0, errForeign
	}
	v, err := strconv.ParseUint(string(b[:hexLen]), 16, 32)
	var written [hexLen]byte
	if putHex(written[:], uint32(v)); err == nil && string(written[:]) != string(b[:hexLen]) {
		err = errDamaged
	}
	return uint32(v), err
}

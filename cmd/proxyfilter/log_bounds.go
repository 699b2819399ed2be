package main

import (
	"unicode"
	"unicode/utf8"

	"github.com/rs/zerolog"
)

// The bounds of a line, in bytes as JSON writes them, the longest of the formats.
// journald cuts lines at 48 KB (journald.conf(5), LineMax=) and syslog daemons
// earlier, and the rest of a line that was cut is an entry of its own. Without
// bounds a client with many recipients, or with long ones, would choose how that
// entry begins, and could write our name there and an outcome that never was.
const (
	maxListed  = 100     // entries of a list
	maxList    = 8 << 10 // bytes of a list
	maxAddress = 320     // of one entry: RFC 5321 4.5.3.1 allows 64 + 1 + 255
	maxText    = 512     // any other text that is not ours
	maxLine    = 32 << 10
)

// cut is the beginning of s that takes at most so many bytes, in whole characters.
func cut(s string, most int) string {
	if len(s) <= most/maxWidth {
		return s
	}
	for i, r := range s {
		if most -= width(r); most < 0 {
			return s[:i]
		}
	}
	return s
}

// maxWidth is how many bytes one byte of a text may become.
const maxWidth = 6

// width is how many bytes of JSON a character takes.
func width(r rune) int {
	switch {
	case r == '"' || r == '\\':
		return 2
	case r == utf8.RuneError: // zerolog writes a broken byte as \ufffd
		return maxWidth
	case unicode.IsPrint(r):
		return utf8.RuneLen(r)
	case r > 0xFFFF:
		return 2 * maxWidth
	}
	return maxWidth
}

func total(s string) (n int) {
	for _, r := range s {
		n += width(r)
	}
	return n
}

// shortList is an array of a log line that keeps to the bounds. It ends with the
// last entry that fits: half an entry would be another one.
type shortList struct {
	array       *zerolog.Array
	count, size int
	full        bool
}

func newShortList() *shortList { return &shortList{array: zerolog.Arr()} }

func (l *shortList) add(s string) {
	s = cut(s, maxAddress)
	size := total(s) + len(`"",`)
	if l.full = l.full || l.count == maxListed || l.size+size > maxList; l.full {
		return
	}
	l.array.Str(s)
	l.count++
	l.size += size
}

// oneEntry cuts a line that came out too long in spite of the bounds, as from a
// library's error. A reader of JSON will not understand it, but nobody will take
// its rest for a line.
func oneEntry(line []byte) []byte {
	if len(line) <= maxLine {
		return line
	}
	end := maxLine - 1
	for end > 0 && !utf8.RuneStart(line[end]) {
		end--
	}
	return append(line[:end:end], '\n')
}

package main

import (
	"bytes"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// cleanWriter writes lines in which every character prints. JSON, and zerolog's
// console format for lists, let those stand that a terminal may obey (U+007F to
// U+009F), that turn a line around (U+202E) or that end it for some programs
// (U+2028). They become \u escapes, which JSON reads as the same text.
//
// ASCII below U+0020 is left alone: the formats escape it themselves, and the
// console's colours are made of it.
type cleanWriter struct{ out io.Writer }

// Write takes whole lines.
func (w cleanWriter) Write(line []byte) (int, error) {
	clean := line
	if bytes.ContainsFunc(line, unprintable) {
		clean = escaped(line)
	}
	if _, err := w.out.Write(clean); err != nil {
		return 0, err
	}
	return len(line), nil
}

// unprintable counts U+FFFD in, because a broken byte is read as one.
func unprintable(r rune) bool {
	return r > '~' && (r == utf8.RuneError || !unicode.IsPrint(r))
}

func escaped(line []byte) []byte {
	clean := make([]byte, 0, len(line)+64)
	for len(line) > 0 {
		r, n := utf8.DecodeRune(line)
		switch high, low := utf16.EncodeRune(r); {
		case !unprintable(r):
			clean = append(clean, line[:n]...)
		case high != utf8.RuneError:
			clean = fmt.Appendf(clean, `\u%04x\u%04x`, high, low)
		default:
			clean = fmt.Appendf(clean, `\u%04x`, r)
		}
		line = line[n:]
	}
	return clean
}

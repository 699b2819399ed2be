package wire

import "bytes"

// Encoder turns content into what follows 354, and is the only writer of the
// final dot. It expects CRLF line ends, as Decoder makes them. The zero Encoder
// is at the start of content.
type Encoder struct {
	mid     bool   // the last byte was not LF
	missing string // what the last line lacks of its CRLF
}

// Encode appends src to dst, with a dot before every line that begins with one.
// A line begins behind any LF here: one dot too many cannot be executed, one
// too few could.
func (e *Encoder) Encode(dst, src []byte) []byte {
	if len(src) == 0 {
		return dst
	}
	if !e.mid && src[0] == '.' {
		dst = append(dst, '.')
	}
	last := src[len(src)-1]
	e.mid = last != '\n'
	switch {
	case bytes.HasSuffix(src, crlf), e.missing == "\n" && len(src) == 1 && !e.mid:
		e.missing = ""
	case last == '\r':
		e.missing = "\n"
	default:
		e.missing = "\r\n"
	}
	for i := bytes.Index(src, lfDot); i >= 0; i = bytes.Index(src, lfDot) {
		dst = append(append(dst, src[:i+2]...), '.')
		src = src[i+2:]
	}
	return append(dst, src...)
}

// End appends the end of data, which must stand behind CRLF or the next hop
// waits for ever: a last line that lacks its end gets it, and a CR at the very
// end is completed, not doubled.
func (e *Encoder) End(dst []byte) []byte {
	dst = append(append(dst, e.missing...), ".\r\n"...)
	*e = Encoder{}
	return dst
}

package wire

import "bytes"

// Anomalies counts what was odd about content, by kind. Unstuffed is text behind
// one dot at the start of a line; a CR or LF there counts as such.
type Anomalies struct{ BareCR, BareLF, ExtraCR, NUL, Unstuffed int }

// Decoder turns what follows 354 into content. It ends at CRLF "." CRLF, or at
// "." CRLF if that comes first, and nowhere else: not at LF "." LF, CR "." CR,
// CRLF "." CR CRLF or any form with a NUL, whatever another server thinks of
// those. Lines begin only behind CRLF, also behind CR CRLF; a dot there is
// removed if the line goes on.
//
// What comes out has only CRLF: CRs directly before CRLF are dropped, any other
// bare CR becomes a space, and a bare LF becomes CRLF. That is what Postfix's
// cleanup does (cleanup_replace_stray_cr_lf), so a signature suffers no further
// change; and the scanner and the next hop get the same bytes. A line that
// becomes "." by this is content.
//
// The zero Decoder is at the start of content.
type Decoder struct {
	place place
	crs   int // CRs seen and not yet judged
	seen  Anomalies
}

// place is where in the line the decoder is.
type place uint8

const (
	lineStart place = iota
	afterDot        // one dot at the start of a line has been taken off
	inLine
	ended

	maxExtra = 4096 // what one call adds beyond the length of its input
	maxSpan  = 1024 // what one search looks at: else many stray CRs cost the square of their number
)

// Seen is what was odd so far.
func (d *Decoder) Seen() Anomalies { return d.seen }

// Decode appends the content in src to dst, which grows by at most
// len(src)+4096 bytes. It takes all of src, unless done is true or that limit
// was met, because CRs turned out to be spaces or many LFs were bare: then the
// rest is to be offered again. After done, src[used:] lies behind the end of
// data and is none of the message.
func (d *Decoder) Decode(dst, src []byte) (out []byte, used int, done bool) {
	for start := len(dst); used < len(src) && d.place != ended && len(dst)-start-used < maxExtra; {
		taken := 1
		switch c := src[used]; {
		case c == '\r':
			d.crs++
		case c == '\n' && d.crs == 1 && d.place == afterDot:
			d.place = ended
		case c == '\n':
			d.lineEnd()
			dst = append(dst, crlf...)
		case d.crs > 0: // and no LF behind them
			dst, taken, d.place = append(dst, ' '), 0, inLine
			d.crs--
			d.seen.BareCR++
		case c == '.' && d.place == lineStart:
			d.place = afterDot
		default:
			span := d.span(src[used:min(len(src), used+maxSpan)])
			dst, taken = append(dst, span...), len(span)
		}
		used += taken
	}
	return dst, used, d.place == ended
}

// span is what can be copied as it is: all up to the next CR or LF, and over
// line ends that are CRLF and not followed by a dot.
func (d *Decoder) span(b []byte) []byte {
	if d.place == afterDot && b[0] != '.' {
		d.seen.Unstuffed++
	}
	d.place = inLine
	end := 0
	for more := true; more; {
		line, _, _ := bytes.Cut(b[end:], crlf[:1])
		text, _, bare := bytes.Cut(line, crlf[1:])
		end += len(text)
		if more = !bare && end+2 < len(b) && b[end+1] == '\n' && b[end+2] != '.'; more {
			end += len(crlf)
		}
	}
	d.seen.NUL += bytes.Count(b[:end], []byte{0})
	return b[:end]
}

// lineEnd judges an LF, and the CRs before it.
func (d *Decoder) lineEnd() {
	d.place = lineStart
	switch {
	case d.crs == 0:
		d.seen.BareLF++
		d.place = inLine // a dot that follows is content, not stuffing
	case d.crs > 1:
		d.seen.ExtraCR++
	}
	d.crs = 0
}

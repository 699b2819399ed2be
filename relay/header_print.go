package relay

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"proxyfilter/filter"
)

// marked is what goes on top of a message that passes, and what of its content is
// left out or changed.
func (h *header) marked(v *filter.Verdict) ([]filter.Field, []span) {
	prefix := v.SubjectPrefix
	switch {
	case prefix == "" || strings.HasPrefix(h.subject, prefix): // a retry of a mailing list, say
		return v.Fields, h.forged
	case h.subjectAt == 0:
		return append(slices.Clip(v.Fields), filter.Field{Name: "Subject", Value: prefix}), h.forged
	}
	in := span{h.subjectAt, h.subjectAt, " " + prefix}
	if h.subjectTight {
		in.instead += " "
	}
	at := slices.IndexFunc(h.forged, func(s span) bool { return s.from >= in.from })
	if at < 0 {
		at = len(h.forged)
	}
	return v.Fields, slices.Insert(slices.Clip(h.forged), at, in)
}

// carried is the message as the next hop gets it: our fields, and the content but
// for these spans.
func carried(fields []byte, changes []span, content filter.Content) io.Reader {
	parts := []io.Reader{bytes.NewReader(fields)}
	var at int64
	for _, c := range changes {
		parts = append(parts, io.NewSectionReader(content, at, c.from-at))
		if c.instead != "" {
			parts = append(parts, strings.NewReader(c.instead))
		}
		at = c.to
	}
	parts = append(parts, io.NewSectionReader(content, at, content.Size()-at))
	return io.MultiReader(parts...)
}

// printFields formats the verdict's fields, folded, with CRLF. A field that
// cannot be printed is left out: it is worth less than the message.
func printFields(fields []filter.Field, id string) []byte {
	var b bytes.Buffer
	for _, f := range fields {
		value := strings.TrimSpace(expand(f.Value, id))
		if !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			fold(&b, f.Name, value)
		}
	}
	return b.Bytes()
}

const (
	foldAt, tab = 79, 8 // columns, as in SpamAssassin

	// maxPiece cuts what has no place to fold: a line has at most 998 bytes (RFC 5322
	// 2.1.1).
	maxPiece = 900
)

// fold writes one field as SpamAssassin does (Util.pm, wrap): the lines end behind
// blanks and commas, and begin with a tab. go-message folds at blanks only, and a list
// of tests has none.
func fold(b *bytes.Buffer, name, value string) {
	b.WriteString(name + ": ")
	column := len(name) + 2
	for begin := true; value != ""; begin = false {
		end := strings.IndexAny(value, " ,") + 1
		if end == 0 {
			end = len(value)
		}
		piece := value[:min(end, maxPiece)]
		value = value[len(piece):]
		if !begin && column+len(piece) > foldAt {
			b.Truncate(len(bytes.TrimRight(b.Bytes(), " ")))
			b.WriteString("\r\n\t")
			column = tab
		}
		b.WriteString(piece)
		column += len(piece)
	}
	b.WriteString("\r\n")
}

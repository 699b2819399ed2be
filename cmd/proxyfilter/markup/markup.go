// Package markup writes HTML with texts of strangers in it.
//
// The HTML itself can only be a constant of our source: Put takes a type that nothing
// else converts to. Values go where it says {}, and are escaped, always; there is no
// way to mark one as safe. A {} may stand in text or in a quoted attribute. Anywhere
// else, as in a style or in the name of an element, escaping would not be enough, and
// the page fails. So does an address that leads away from our own pages.
//
// html/template, which knows more contexts, is not used: it looks for methods by their
// name, so the linker keeps every method of every type in the program. That was 9 of 24
// MB, which each process maps and each image carries.
package markup

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"io"
	"strings"
)

// constant is HTML of ours: an untyped constant becomes one by itself, and a string
// that was computed does not.
type constant string

// Page is a page under way. The zero Page is empty.
type Page struct {
	out bytes.Buffer
	at  place
	err error
}

// Put writes HTML, with a value for each {} in it.
func (p *Page) Put(text constant, values ...any) {
	if p.err != nil {
		return
	}
	parts := strings.Split(string(text), "{}")
	if len(parts) != len(values)+1 {
		p.err = fmt.Errorf("page: %d values for %.60q", len(values), text)
		return
	}
	for i, part := range parts {
		p.out.WriteString(part)
		p.at.follow(part)
		if i < len(values) {
			p.value(fmt.Sprint(values[i]))
		}
	}
}

// value writes one that belongs where the page is.
func (p *Page) value(s string) {
	switch {
	case p.at.raw != "":
		p.err = fmt.Errorf("page: a value in a %s", p.at.raw)
	case p.at.state == tag:
		p.err = fmt.Errorf("page: a value in %s", tag)
	case p.at.link && !strings.HasPrefix(s, "/") || p.at.link && strings.HasPrefix(s, "//"):
		p.err = fmt.Errorf("page: a link to %.60q", s)
	default:
		p.at.link = false
		p.out.WriteString(escape(s))
	}
}

// escape is for text and for quoted attributes. What is no UTF-8, and NUL, which HTML
// has no way to write, becomes U+FFFD.
func escape(s string) string {
	return html.EscapeString(strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd"))
}

// Flush writes the page, or says what is wrong with it and writes nothing.
func (p *Page) Flush(w io.Writer) error {
	if p.err == nil && (p.at.state != text || p.at.raw != "") {
		p.err = fmt.Errorf("page: ends in %s", cmp.Or(string(p.at.state), p.at.raw))
	}
	if p.err != nil {
		return p.err
	}
	_, err := p.out.WriteTo(w)
	return err
}

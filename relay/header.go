package relay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"

	"proxyfilter/filter"
)

const (
	// maxReceived is more hops than any honest path has (RFC 5321 6.3 asks for
	// at least 100 in a server that counts nothing else; Postfix's
	// hopcount_limit is 50).
	maxReceived = 50

	// maxForged bounds what is noted about a hostile header. Postfix's
	// header_size_limit works behind us, in cleanup.
	maxForged = 1000

	// maxField is how much of one interesting field is kept.
	maxField = 4096
)

// header is what one look at a message's header tells.
type header struct {
	received      int       // Received fields
	below         int64     // where the topmost one, which Postfix wrote, ends
	dated         bool      // there is a Date field
	authenticated bool      // the topmost one says so
	forged        []span    // fields that only we may write
	messageID     string    // for records, cut short
	from, subject string    // likewise, decoded
	kept          [3][]byte // Message-ID, From and Subject, raw
	open          *[]byte   // what the current field's lines are collected in
	topmost       []byte    // the topmost Received field
	inForged      bool
	err           error // why it could not be read to its end
}

// span is a range of bytes of the content.
type span struct{ from, to int64 }

// readHeader looks at the header of content, without parsing the message: it
// accepts everything, and ends at the first line that is neither a field nor
// the continuation of one, as Postfix's cleanup does.
func readHeader(content filter.Content, r *bufio.Reader) header {
	var h header
	r.Reset(io.NewSectionReader(content, 0, content.Size()))
	var at int64
	for begin := true; ; {
		line, err := r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) && !errors.Is(err, io.EOF) {
			h.err = fmt.Errorf("read the header: %w", err)
			break
		}
		if begin && !h.line(line, at) {
			break
		}
		at += int64(len(line))
		h.add(line, at)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			break
		}
		begin = err == nil // else the rest of a long line follows
	}
	h.passed(at)
	h.finish()
	return h
}

// line takes the start of a line, and reports whether the header goes on.
func (h *header) line(line []byte, at int64) bool {
	if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
		return at > 0
	}
	h.open, h.inForged = nil, false
	h.passed(at)
	name := fieldName(line)
	switch {
	case name == nil:
		return false
	case equalFold(name, "Received"):
		if h.received++; h.received == 1 {
			h.open = &h.topmost
		}
	case equalFold(name, "Date"):
		h.dated = true
	case equalFold(name, "Message-ID"):
		h.keep(0)
	case equalFold(name, "From"):
		h.keep(1)
	case equalFold(name, "Subject"):
		h.keep(2)
	case isForged(name):
		h.forge(at)
	}
	return true
}

// passed notes where the topmost Received field has ended. Above it is what
// Postfix was told to prepend (access(5), PREPEND), and both are new each time.
func (h *header) passed(at int64) {
	if h.received > 0 && h.below == 0 {
		h.below = at
	}
}

// distinct reports whether the message can be told from others like it. What has
// neither a name nor a date may be sent twice on purpose, by a script for example.
func (h *header) distinct() bool { return h.messageID != "" && h.dated }

// keep collects a field, if it is the first of its name.
func (h *header) keep(field int) {
	if h.kept[field] == nil {
		h.open = &h.kept[field]
	}
}

// forge notes the start of a forged field. Neighbours are one span, and beyond
// the limit nothing is noted: such a message is not carried.
func (h *header) forge(at int64) {
	n := len(h.forged)
	if n > 0 && h.forged[n-1].to == at {
		h.inForged = true
	} else if n <= maxForged {
		h.inForged = true
		h.forged = append(h.forged, span{at, at})
	}
}

// add takes the bytes of the current line; to is where they end.
func (h *header) add(line []byte, to int64) {
	if h.inForged {
		h.forged[len(h.forged)-1].to = to
	}
	if h.open != nil && len(*h.open)+len(line) <= maxField {
		*h.open = append(*h.open, line...)
	}
}

// fieldName is the name of the field that begins with line, or nil. Blanks
// before the colon are taken, as Postfix takes them.
func fieldName(line []byte) []byte {
	name, _, found := bytes.Cut(line, []byte(":"))
	name = bytes.TrimRight(name, " \t")
	if !found || len(name) == 0 {
		return nil
	}
	for _, c := range name {
		if c <= ' ' || c > '~' {
			return nil
		}
	}
	return name
}

// isForged says whether a field can only be a lie: nobody but us writes it, and
// users' rules believe it.
func isForged(name []byte) bool {
	const prefix = "X-Spam-"
	if len(name) <= len(prefix) || !equalFold(name[:len(prefix)], prefix) {
		return false
	}
	switch strings.ToLower(string(name[len(prefix):])) {
	case "flag", "score", "level", "status", "report", "checker-version":
		return true
	}
	return false
}

// finish reads the fields that were kept.
func (h *header) finish() {
	h.authenticated = authenticated(h.topmost)
	h.messageID, h.from, h.subject = body(h.kept[0]), body(h.kept[1]), body(h.kept[2])
	h.kept, h.topmost, h.open = [3][]byte{}, nil, nil
}

// body is the unfolded and decoded body of a field, for records only: what cannot
// be decoded stays as it is.
func body(raw []byte) string {
	_, value, _ := strings.Cut(string(raw), ":")
	value = strings.TrimSpace(strings.ReplaceAll(value, "\r\n", ""))
	if strings.Contains(value, "=?") {
		var h message.Header
		h.Set("Subject", value)
		if text, err := h.Text("Subject"); err == nil {
			value = text
		}
	}
	return brief(value)
}

// brief cuts a value for records, at a character.
func brief(value string) string {
	const limit = 200
	if len(value) <= limit {
		return value
	}
	return strings.ToValidUTF8(value[:limit], "")
}

// authenticated reads the word behind "with" in the Received field that Postfix
// wrote (RFC 3848). It counts only in a line that begins with "by": the HELO
// name, which the client chooses and which may hold blanks, and the name in a
// client's certificate stand in lines of their own (smtpd.c).
func authenticated(received []byte) bool {
	for line := range bytes.Lines(received) {
		line = bytes.TrimSpace(line)
		if name := fieldName(line); name != nil && equalFold(name, "Received") {
			line = bytes.TrimSpace(line[bytes.IndexByte(line, ':')+1:])
		}
		if !bytes.HasPrefix(line, []byte("by ")) {
			continue
		}
		_, proto, _ := bytes.Cut(line, []byte(") with "))
		switch word, _, _ := bytes.Cut(proto, []byte(" ")); string(word) {
		case "ESMTPA", "ESMTPSA", "UTF8SMTPA", "UTF8SMTPSA":
			return true
		}
		return false
	}
	return false
}

// carried is the message as the next hop gets it: our fields, and the content
// without forged ones.
func carried(fields []byte, forged []span, content filter.Content) io.Reader {
	parts := []io.Reader{bytes.NewReader(fields)}
	var at int64
	for _, cut := range forged {
		parts = append(parts, io.NewSectionReader(content, at, cut.from-at))
		at = cut.to
	}
	parts = append(parts, io.NewSectionReader(content, at, content.Size()-at))
	return io.MultiReader(parts...)
}

// printFields formats the verdict's fields, folded, with CRLF. A field that
// cannot be printed is left out: it is worth less than the message.
func printFields(fields []filter.Field, id string) []byte {
	var b bytes.Buffer
	for _, f := range fields {
		var h textproto.Header
		h.Add(f.Name, expand(f.Value, id))
		before := b.Len()
		if err := textproto.WriteHeader(&b, h); err != nil {
			b.Truncate(before)
		} else {
			b.Truncate(b.Len() - len("\r\n")) // the empty line
		}
	}
	return b.Bytes()
}

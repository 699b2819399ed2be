package relay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-message"

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
	subjectAt     int64     // where the body of the Subject begins; 0: there is none
	subjectTight  bool      // nothing stands between its colon and its text
	results       []byte    // an Authentication-Results field that has not ended yet
	resultsAt     int64     // where that begins
	own           Own
	topmost       []byte // the topmost Received field
	second        []byte // the one below it, which came with the message
	takenBy       string // see takenBy
	forwarded     bool   // there is a field that programs add to what they forward
	inForged      bool
	err           error // why it could not be read to its end
}

// span is a range of bytes of the content, and what the next hop gets instead.
type span struct {
	from, to int64
	instead  string
}

// readHeader looks at the header of content, without parsing the message: it
// accepts everything, and ends at the first line that is neither a field nor
// the continuation of one, as Postfix's cleanup does. Fields that only own may write
// count as forged.
func readHeader(content filter.Content, r *bufio.Reader, own Own) header {
	h := header{own: own}
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
	h.endResults(at)
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
	h.endResults(at)
	name := fieldName(line)
	switch {
	case name == nil:
		return false
	case equalFold(name, "Received"):
		switch h.received++; h.received {
		case 1:
			h.open = &h.topmost
		case 2:
			h.open = &h.second
		}
	case equalFold(name, "Date"):
		h.dated = true
	case equalFold(name, "Message-ID"):
		h.keep(0)
	case equalFold(name, "From"):
		h.keep(1)
	case equalFold(name, "Subject"):
		h.keep(2)
		h.subjectBegins(line, at)
	case equalFold(name, resultsName):
		h.beginResults(at)
	case h.own.forged(name):
		h.forge(at)
	case h.received > 0 && forwardingField(name):
		h.forwarded = true
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

// subjectBegins notes where the body of the first Subject is.
func (h *header) subjectBegins(line []byte, at int64) {
	if h.subjectAt > 0 {
		return
	}
	body := bytes.IndexByte(line, ':') + 1
	h.subjectAt = at + int64(body)
	h.subjectTight = body < len(line) && line[body] > ' '
}

// forge notes the start of a forged field. Neighbours are one span, and beyond
// the limit nothing is noted: such a message is not carried.
func (h *header) forge(at int64) {
	n := len(h.forged)
	if n > 0 && h.forged[n-1].to == at {
		h.inForged = true
	} else if n <= maxForged {
		h.inForged = true
		h.forged = append(h.forged, span{from: at, to: at})
	}
}

// add takes the bytes of the current line; to is where they end.
func (h *header) add(line []byte, to int64) {
	if h.inForged {
		h.forged[len(h.forged)-1].to = to
	}
	if h.open == nil {
		return
	}
	if len(*h.open)+len(line) <= maxField {
		*h.open = append(*h.open, line...)
	} else {
		h.open = nil // what is kept has no gaps
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

// finish reads the fields that were kept.
func (h *header) finish() {
	h.authenticated = authenticated(h.topmost)
	h.messageID, h.from, h.subject = body(h.kept[0]), body(h.kept[1]), body(h.kept[2])
	h.takenBy = takenBy(h.second)
	h.kept, h.topmost, h.second, h.open, h.own = [3][]byte{}, nil, nil, nil, Own{}
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

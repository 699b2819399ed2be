package spamd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// reply is spamd's answer as far as it has come.
//
//	SPAMD/1.1 0 EX_OK
//	Content-length: 50
//	Spam: False ; 1.6 / 5.0
//
//	INVALID_DATE,MISSING_HEADERS,NO_RECEIVED,NO_RELAYS
type reply struct {
	ping     bool // a reply to PING, which is one line
	complete bool
	seen     int // bytes of the buffer that hold no end of the head
	status   []byte
	spam     []byte
	didSet   []byte // what TELL has taught
	code     int
	text     string
	begin    int // of the body in the buffer; 0 before the head is complete
	length   int // of the body; -1 when it was not announced
}

const (
	// maxReply bounds what a server can make us hold. The longest real report,
	// with every rule of the default set, is well under 100 KB.
	maxReply = 256 << 10

	// maxHead bounds status line and fields.
	maxHead = 8 << 10
)

// errGarbled is an answer that is none.
var errGarbled = errors.New("not an answer of spamd")

// parse looks at what has come so far, and reports whether it is all.
func (r *reply) parse(buf []byte) (done bool, err error) {
	if r.begin == 0 {
		if err := r.parseHead(buf); err != nil {
			return false, err
		}
	}
	if r.begin != 0 && r.length >= 0 && len(buf)-r.begin >= r.length {
		r.complete = true
	}
	return r.complete, nil
}

func (r *reply) parseHead(buf []byte) error {
	if r.status == nil {
		line, _, ok := bytes.Cut(buf, crlf)
		if !ok {
			return bounded(buf)
		}
		if err := r.parseStatus(line); err != nil {
			return err
		}
		// Refusals have neither fields nor an empty line (spamd, protocol_error).
		if r.code != 0 || r.ping {
			r.complete, r.begin, r.length = true, len(line)+len(crlf), 0
			return nil
		}
	}
	from := max(0, r.seen-len(emptyLine)+1)
	end := bytes.Index(buf[from:], emptyLine)
	if end < 0 {
		r.seen = len(buf)
		return bounded(buf)
	}
	r.begin = from + end + len(emptyLine)
	return r.parseFields(buf[len(r.status) : from+end])
}

var (
	crlf      = []byte("\r\n")
	emptyLine = []byte("\r\n\r\n")
)

func bounded(buf []byte) error {
	if len(buf) > maxHead {
		return fmt.Errorf("%w: no end of its head", errGarbled)
	}
	return nil
}

// torn reports a line end that is none to us. spamc would take it for one, and read
// fields that we have not seen.
func torn(line []byte) bool { return bytes.ContainsAny(line, "\r\n") }

func (r *reply) parseStatus(line []byte) error {
	rest, ok := bytes.CutPrefix(line, []byte("SPAMD/"))
	fields := bytes.SplitN(rest, []byte(" "), 3)
	if !ok || len(fields) < 2 || torn(line) {
		return fmt.Errorf("%w: %s", errGarbled, stranger(line))
	}
	code, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return fmt.Errorf("%w: its status line has no code", errGarbled)
	}
	r.code = code
	if len(fields) > 2 {
		r.text = printable(fields[2], maxText)
	}
	r.status = bytes.Clone(line)
	return nil
}

// stranger tells what seems to be there in place of spamd, by a first word that is
// a protocol or a code, such as HTTP/1.1 or 220. The line itself is not told: what is
// out of step with us may be saying the mail that it was sent.
func stranger(line []byte) string {
	word, _, _ := bytes.Cut(line, []byte(" "))
	word, _, _ = bytes.Cut(word, []byte("-"))
	if len(word) > 0 && len(word) <= 10 && bytes.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./") == nil {
		return fmt.Sprintf("it begins with %q", word)
	}
	return fmt.Sprintf("%d bytes of something else", len(line))
}

func (r *reply) parseFields(head []byte) error {
	r.length = -1
	for line := range bytes.SplitSeq(head, crlf) {
		if torn(line) {
			return fmt.Errorf("%w: %.60q", errGarbled, line)
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case !ok:
		case bytes.EqualFold(name, []byte("Spam")) && r.spam != nil:
			return fmt.Errorf("%w: two scores", errGarbled)
		case bytes.EqualFold(name, []byte("Spam")):
			r.spam = bytes.Clone(value)
		case bytes.EqualFold(name, []byte("DidSet")):
			r.didSet = bytes.Clone(value)
		case bytes.EqualFold(name, []byte("Content-length")):
			n, err := strconv.Atoi(string(value))
			if err != nil || n < 0 || n > maxReply {
				return fmt.Errorf("%w: its Content-length is no length", errGarbled)
			}
			r.length = n
		}
	}
	return nil
}

// end is what the end of the connection means.
func (r *reply) end(buf []byte) error {
	switch {
	case len(buf) == 0:
		return errNoAnswer
	case r.begin == 0:
		return fmt.Errorf("the answer broke off: %w", io.ErrUnexpectedEOF)
	case r.length >= 0:
		return fmt.Errorf("the answer broke off after %d of %d bytes: %w", len(buf)-r.begin, r.length, io.ErrUnexpectedEOF)
	}
	r.complete, r.length = true, len(buf)-r.begin
	return nil
}

// errNoAnswer is what a restarting spamd gives.
var errNoAnswer = fmt.Errorf("closed without an answer: %w", io.ErrUnexpectedEOF)

// body is the report or the list of names.
func (r *reply) body(buf []byte) []byte { return buf[r.begin : r.begin+r.length] }

// forLibrary is the part that spamc is to parse. It panics over some fields.
func (r *reply) forLibrary() []byte {
	head := append(bytes.Clone(r.status), "\r\n"...)
	if r.spam != nil {
		head = append(append(append(head, "Spam: "...), r.spam...), "\r\n"...)
	}
	if len(r.didSet) > 0 {
		head = append(append(append(head, "DidSet: "...), r.didSet...), "\r\n"...)
	}
	return append(head, "\r\n"...)
}

package spamd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"proxyfilter/filter"
)

// request is the message as spamd gets it: a part of the content with one
// insertion. It holds no copy of the content, so that large mail needs no
// memory here.
type request struct {
	content filter.Content
	scanned int64  // of the content; the rest is cut off
	at      int64  // where the insertion goes
	insert  string // one folded line, or nothing
	size    int64  // of what spamd reads
	cut     bool
	user    string
}

// reader reads the request from its beginning. Each attempt takes a new one.
func (q *request) reader() io.Reader {
	if q.insert == "" {
		return io.NewSectionReader(q.content, 0, q.scanned)
	}
	return io.MultiReader(
		io.NewSectionReader(q.content, 0, q.at),
		strings.NewReader(q.insert),
		io.NewSectionReader(q.content, q.at, q.scanned-q.at),
	)
}

// compose prepares the request.
func (s *Scanner) compose(m *filter.Message) (*request, error) {
	if m.Content == nil {
		return nil, errors.New("the message has no content")
	}
	user, err := s.user(m)
	if err != nil {
		return nil, err
	}
	q := &request{content: m.Content, scanned: m.Content.Size(), user: user}
	if limit := s.config.ScanLimit; limit > 0 && q.scanned > limit {
		if q.scanned, err = lineEnd(m.Content, limit); err != nil {
			return nil, fmt.Errorf("read the message: %w", err)
		}
		q.cut = true
	}
	if q.at, err = afterReceived(m.Content, q.scanned); err != nil {
		return nil, fmt.Errorf("read the message: %w", err)
	}
	if q.at > 0 {
		q.insert = envelopeFrom(m.Sender)
	}
	q.size = q.scanned + int64(len(q.insert))
	return q, nil
}

// user is whose preferences apply. They are the recipient's however a sender spells
// him: spamd knows no user "User"@Example.org, and would judge without any. It would
// answer 76 to a control character, and a line end would make a field of the rest.
func (s *Scanner) user(m *filter.Message) (string, error) {
	const recipient = "{recipient}"
	user := s.config.User
	if strings.Contains(user, recipient) {
		switch {
		case m.Mailbox != "":
			user = strings.ReplaceAll(user, recipient, m.Mailbox)
		case len(m.Recipients) == 1:
			user = strings.ReplaceAll(user, recipient, filter.Mailbox(m.Recipients[0]))
		default:
			user = s.config.SharedUser
		}
	}
	for _, c := range []byte(user) {
		if c < ' ' || c == 0x7f {
			return "", fmt.Errorf("control character in user %q", user)
		}
	}
	return user, nil
}

// cutWindow is how far before the limit a line end is looked for. RFC 5322
// 2.1.1 ends a line after 998 bytes; who does not is cut anywhere.
const cutWindow = 8 << 10

// lineEnd is the end of the last line that ends at or before the limit.
func lineEnd(c filter.Content, limit int64) (int64, error) {
	window := make([]byte, min(limit, cutWindow))
	from := limit - int64(len(window))
	if _, err := readAt(c, window, from); err != nil {
		return 0, err
	}
	if i := bytes.LastIndex(window, crlf); i >= 0 {
		return from + int64(i+len(crlf)), nil
	}
	return limit, nil
}

// readAt fills b or says why not. ReaderAt may say EOF along with the last byte.
func readAt(c filter.Content, b []byte, off int64) (int, error) {
	n, err := c.ReadAt(b, off)
	if errors.Is(err, io.EOF) && n == len(b) {
		err = nil
	}
	return n, err
}

// verifications is how many messages have their signatures looked at side by
// side. Each is a large one that is hashed whole, several times perhaps: no slot
// of spamd bounds that, and one core of the host should be left.
const verifications = 2

// signed reports whether the content bears a signature that may be valid: its
// body hash cannot match what spamd has seen of it.
func (s *Scanner) signed(ctx context.Context, c filter.Content) bool {
	if !mayHaveField(c, "DKIM-Signature") {
		return false
	}
	if s.config.Signed == nil {
		return true
	}
	select {
	case s.verifying <- struct{}{}:
		defer func() { <-s.verifying }()
		return s.config.Signed(ctx, c)
	case <-ctx.Done():
		return true
	}
}

package spamd

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"proxyfilter/filter"
)

// The words that SpamAssassin finds the sender of the envelope by. It takes the
// first match of `envelope-(sender|from)[ =](\S+)\b` in the Received field of
// the last relay that it does not trust (4.0.1, Metadata/Received.pm;
// PerMsgStatus.pm, get_envelope_from), and the place of ours matters: after what
// Postfix writes first, `from HELO (name [address])`, and before everything
// else. Behind it stand the recipient and the names in a client's certificate,
// and `user+envelope-from=ceo@example.com` is an address that anybody may send
// to. In a HELO, Postfix has replaced blanks and @, so that it can hide the
// sender, and cannot forge one.
const (
	before = "\r\n\t(envelope-from <"
	after  = ">)"
)

// nullSender stands for the empty reverse-path. SpamAssassin's expression does
// not match `<>`, and would go on and find the recipient. It skips a sender
// without @ and, since X-Envelope-From and Return-Path of the client stand below
// a Received field, believes nobody: EnvelopeFrom is empty.
const nullSender = "MAILER-DAEMON"

// maxSender is twice what RFC 5321 4.5.3.1.3 allows for a path. Longer ones are
// no addresses.
const maxSender = 512

// envelopeFrom is the folded line to insert. There is always one: to leave it
// out would let the recipient's extension name the sender. For a sender that
// SpamAssassin's expression cannot match it is that of nobody.
func envelopeFrom(sender string) string {
	if len(sender) > maxSender || !strings.ContainsFunc(sender, wordly) {
		sender = nullSender
	}
	line := append([]byte(before), sender...)
	for i := len(before); i < len(line); i++ {
		line[i] = harmless(line[i])
	}
	return string(append(line, after...))
}

// wordly is a character of Perl's \w in a string of bytes. The expression ends
// in \b, which needs one: it passes over `<+>`, and a sender may be called so.
func wordly(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
}

// harmless replaces what would end the comment, the line, or SpamAssassin's
// match; it does the same with the same character.
func harmless(c byte) byte {
	if c <= ' ' || c == 0x7f || strings.IndexByte(`()<>\`, c) >= 0 {
		return '!'
	}
	return c
}

const (
	headChunk = 2 << 10

	// maxHeader bounds the search. Postfix's Received is the first field, or
	// stands below a few lines of PREPEND.
	maxHeader = 64 << 10
)

// afterReceived is the place behind the first line of the topmost Received
// field, or 0 if there is none that tells of a client. Postfix writes "by" there
// for a local submission and under smtpd_hide_client_session (3.10), and
// SpamAssassin passes over such a field: it would not see an insertion. It takes
// the next Received then, which the client wrote, and so it is best not to hide
// clients whose mail is scanned.
func afterReceived(c filter.Content, size int64) (int64, error) {
	for chunk := int64(headChunk); ; chunk *= 4 {
		head := make([]byte, min(chunk, size))
		if _, err := readAt(c, head, 0); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		at, done := findReceived(head)
		if done || chunk >= maxHeader || chunk >= size {
			return int64(at), nil
		}
	}
}

// findReceived looks at complete lines only. done is false when the header goes
// on behind them.
func findReceived(head []byte) (at int, done bool) {
	for at < len(head) {
		end := bytes.Index(head[at:], crlf)
		if end < 0 {
			return 0, false
		}
		line := head[at : at+end]
		value, ok := field(line, "Received")
		switch {
		case len(line) == 0:
			return 0, true
		case ok && len(value) > len("from ") && strings.EqualFold(string(value[:len("from ")]), "from "):
			return at + end, true
		case ok:
			return 0, true
		}
		at += end + len(crlf)
	}
	return 0, false
}

// field is the value of a field's first line.
func field(line []byte, name string) ([]byte, bool) {
	key, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || !strings.EqualFold(string(bytes.TrimRight(key, " \t")), name) {
		return nil, false
	}
	return bytes.TrimLeft(value, " \t"), true
}

// mayHaveField looks for a field anywhere in the header. It is asked about large
// messages only. What cannot be read may have it.
func mayHaveField(c filter.Content, name string) bool {
	const most = 1 << 20
	head := make([]byte, min(most, c.Size()))
	n, err := readAt(c, head, 0)
	if err != nil {
		return true
	}
	for line := range bytes.SplitSeq(head[:n], crlf) {
		if len(line) == 0 {
			return false
		}
		if _, ok := field(line, name); ok {
			return true
		}
	}
	return false
}

package wire

import (
	"bytes"
	"strconv"
	"strings"
)

// MaxReply bounds a whole reply, and MaxReplyLine one line of it. Postfix cuts
// at 2048 bytes (smtpd_proxy.c); a long EHLO reply has some twenty lines.
const (
	MaxReply     = 16 << 10
	MaxReplyLine = 2048
)

// Reply is an SMTP reply. Lines are the texts behind the code, enhanced status
// codes included; there is at least one in a reply that was parsed.
type Reply struct {
	Code  int
	Lines []string
}

// Class is the first digit of the code, which is all that decides.
func (r Reply) Class() int { return r.Code / 100 }

// String is the reply in one line of printable ASCII, for logs and records.
func (r Reply) String() string {
	return strconv.Itoa(r.Code) + " " + strings.Map(printable, strings.Join(r.Lines, " / "))
}

// Append prints the reply. Every line bears the code; a character that is not
// printable ASCII becomes "?", as Postfix would do (smtpd_proxy.c), so that no
// text can break out of its line.
func (r Reply) Append(dst []byte) []byte {
	for ; len(r.Lines) > 1; r.Lines = r.Lines[1:] {
		dst = append(strconv.AppendInt(dst, int64(r.Code), 10), '-')
		dst = append(append(dst, strings.Map(printable, r.Lines[0])...), crlf...)
	}
	return append(append(dst, r.String()...), crlf...)
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

// ParseReply reads one whole reply from the start of b, and how many bytes it
// took. What lies behind it is the caller's alarm: a peer that says more than
// it was asked has taken content for commands. A bare LF ends a line here too,
// because a reply cannot smuggle anything and the peer's mail matters more.
func ParseReply(b []byte) (r Reply, used int, err error) {
	for more := true; more; {
		end := bytes.IndexByte(b[used:], '\n')
		switch {
		case end > MaxReplyLine, used+end > MaxReply, end < 0 && len(b)-used > MaxReplyLine:
			return Reply{}, 0, ErrTooLong
		case end < 0:
			return Reply{}, 0, ErrIncomplete
		}
		if more, err = r.add(string(bytes.TrimSuffix(b[used:used+end], crlf[:1]))); err != nil {
			return Reply{}, 0, err
		}
		used += end + 1
	}
	return r, used, nil
}

// add reads "250-text", "250 text" or "250" (RFC 5321 4.2).
func (r *Reply) add(line string) (more bool, err error) {
	digits, text := line[:min(3, len(line))], line[min(3, len(line)):]
	mark := text[:min(1, len(text))]
	code, err := strconv.Atoi(digits)
	if err != nil || code < 200 || code > 599 || !strings.Contains(" -", mark) || (r.Code != 0 && code != r.Code) {
		return false, ErrSyntax
	}
	r.Code, r.Lines = code, append(r.Lines, text[len(mark):])
	return mark == "-", nil
}

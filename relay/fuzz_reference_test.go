package relay

import (
	"regexp"
	"strings"
	"time"
)

// completed is one message that a client has sent to its end, as whoever reads
// what it sent, and the replies to it, must understand it.
type completed struct {
	mail    string // arguments, as sent
	rcpts   []string
	content string // what the scanner is to see
	until   int    // bytes of the conversation up to its end of data
	reply   *heardReply
	at      time.Time // of its end of data, where that matters
}

// understood goes through a conversation command by command. It is slow, shares
// nothing with the Server, and takes one thing from it: which commands it took,
// since a reply belongs to each.
func understood(talk *transcript, replies []heardReply) (all []completed, complaint string) {
	if len(replies) == 0 || replies[0].code != "220" {
		return nil, "no greeting"
	}
	replies = replies[1:]
	at := 0
	var open completed
	for {
		line, length := cutLine(talk.sent[at:])
		if length == 0 || strings.ContainsAny(line, "\r\n\x00") || len(replies) == 0 {
			if len(replies) > 1 || len(replies) == 1 && replies[0].code[0] < '4' {
				return all, "a reply to nothing: " + replies[0].text
			}
			return all, ""
		}
		reply := replies[0]
		replies = replies[1:]
		at += length
		verb := strings.ToUpper(strings.FieldsFunc(line+" ?", isBlank)[0])
		switch {
		case reply.code == "354" && verb == "DATA":
			out, used := reference(talk.sent[at:])
			if used == 0 {
				if len(replies) > 0 {
					return all, "a reply to a message without an end: " + replies[0].text
				}
				return all, ""
			}
			at += used
			open.content, open.until = out, at
			if len(replies) > 0 {
				open.reply, replies = &replies[0], replies[1:]
			}
			all, open = append(all, open), completed{}
		case reply.code == "354":
			return all, "354 to " + line
		case reply.code[0] != '2':
		case verb == "MAIL":
			open = completed{mail: argument(line)}
		case verb == "RCPT":
			open.rcpts = append(open.rcpts, argument(line))
		case verb == "RSET" || verb == "EHLO" || verb == "HELO":
			open = completed{}
		}
	}
}

func isBlank(r rune) bool { return r == ' ' || r == '\t' }

// argument is what stands behind MAIL FROM: or RCPT TO:.
func argument(line string) string {
	_, rest, _ := strings.Cut(line, ":")
	return rest
}

// cutLine finds the first line, and how long it is with its CRLF; 0 if there is
// none.
func cutLine(s string) (line string, length int) {
	line, _, found := strings.Cut(s, "\r\n")
	if !found {
		return "", 0
	}
	return line, len(line) + 2
}

// reference decodes content by its definition, line by line: CRLF ends a line,
// a line that is "." ends the content, and a dot at the start of any other is
// taken off. CRs before CRLF are dropped, another bare CR is a space, a bare LF
// becomes CRLF. used is 0 while the end is missing.
func reference(in string) (content string, used int) {
	var out strings.Builder // there may be a million lines
	for {
		line, length := cutLine(in[used:])
		if length == 0 {
			return "", 0
		}
		if used += length; line == "." {
			return out.String(), used
		}
		line = strings.TrimPrefix(line, ".")
		line = strings.ReplaceAll(strings.TrimRight(line, "\r"), "\r", " ")
		out.WriteString(strings.ReplaceAll(line, "\n", "\r\n") + "\r\n")
	}
}

// field begins a field of a header, and forged one that only we write.
var (
	field  = regexp.MustCompile(`^[!-9;-~]+[ \t]*:`)
	forged = regexp.MustCompile(`(?i)^X-Spam-(Flag|Score|Level|Status|Report|Checker-Version)[ \t]*:`)
)

// carriedText is the content as the next hop must get it.
func carriedText(content string) string {
	out := onTop
	dropping := false
	for content != "" {
		line, length := cutLine(content)
		folded := line != "" && (line[0] == ' ' || line[0] == '\t')
		switch {
		case folded && out == onTop && !dropping, !folded && !field.MatchString(line):
			return out + content
		case !folded:
			dropping = forged.MatchString(line)
		}
		if !dropping {
			out += content[:length]
		}
		content = content[length:]
	}
	return out
}

// belowReceived is carried content below its first Received field, which Postfix
// wrote, or below our field.
func belowReceived(content string) string {
	content = strings.TrimPrefix(content, onTop)
	rest, inside := content, false
	for rest != "" {
		line, length := cutLine(rest)
		folded := line != "" && (line[0] == ' ' || line[0] == '\t')
		switch {
		case inside && !folded:
			return rest
		case !folded && !field.MatchString(line):
			return content
		case !folded:
			inside = strings.EqualFold(strings.TrimRight(line[:strings.IndexByte(line, ':')], " \t"), "Received")
		}
		rest = rest[length:]
	}
	return rest
}

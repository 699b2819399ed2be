package main

import (
	"bytes"
	"fmt"
	"strings"
)

// The replies of Postfix's smtpd, word for word where it matters.
const (
	greeting    = "220 sink.bench.test ESMTP Postfix\r\n"
	replyOK     = "250 2.0.0 Ok\r\n"
	replySender = "250 2.1.0 Ok\r\n"
	replyRcpt   = "250 2.1.5 Ok\r\n"
	replyData   = "354 End data with <CR><LF>.<CR><LF>\r\n"
	replyBye    = "221 2.0.0 Bye\r\n"
	replyOrder  = "503 5.5.1 Error: bad sequence of commands\r\n"
	replyNoRcpt = "554 5.5.1 Error: no valid recipients\r\n"
	replyVerb   = "502 5.5.2 Error: command not recognized\r\n"
	replyBare   = "521 5.5.2 Error: bare <LF> received\r\n"

	replyEhlo = "250-sink.bench.test\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-VRFY\r\n250-ETRN\r\n" +
		"250-XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT\r\n250-ENHANCEDSTATUSCODES\r\n" +
		"250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n"
)

// maxSize is what SIZE announces. The sink keeps a message in memory until its
// end, and hangs up on anything longer.
const maxSize = 104857600

// conversation is the sink's side of SMTP: bytes in, bytes out, no sockets.
// All commands of one read are answered in one write, as Postfix does.
type conversation struct {
	keep func(content []byte) (queueID string)

	in      []byte // received and not yet used
	out     []byte
	content bool // after 354
	seen    int  // bytes of in that hold no end of data
	greeted bool
	sender  bool
	rcpts   int
	ended   bool // nothing more is read
}

// advance uses all complete commands and messages in c.in, and returns the
// replies to them. The result is valid until the next call.
func (c *conversation) advance() []byte {
	c.out = c.out[:0]
	used := 0
	for !c.ended {
		n := 0
		if c.content {
			n = c.message(c.in[used:])
		} else {
			n = c.command(c.in[used:])
		}
		if n == 0 {
			break
		}
		used += n
	}
	c.in = c.in[:copy(c.in, c.in[used:])]
	c.ended = c.ended || len(c.in) > maxSize
	return c.out
}

// message looks for the end of data: CRLF . CRLF and nothing else (RFC 5321
// 4.1.1.4). It returns the number of bytes used, 0 while the end is missing.
func (c *conversation) message(in []byte) int {
	const end = "\r\n.\r\n"
	if bytes.HasPrefix(in, []byte(end[2:])) {
		return c.accept(nil, len(end)-2)
	}
	at := bytes.Index(in[c.seen:], []byte(end))
	if at < 0 {
		c.seen = max(0, len(in)-len(end)+1)
		return 0
	}
	at += c.seen
	return c.accept(in[:at+2], at+len(end))
}

// accept keeps a whole message and leaves the content state.
func (c *conversation) accept(content []byte, used int) int {
	id := c.keep(unstuff(content))
	c.out = fmt.Appendf(c.out, "250 2.0.0 Ok: queued as %s\r\n", id)
	c.content, c.seen, c.sender, c.rcpts = false, 0, false, 0
	return used
}

// unstuff removes the first dot of each line (RFC 5321 4.5.2), in place.
func unstuff(content []byte) []byte {
	if len(content) > 0 && content[0] == '.' {
		content = content[1:]
	}
	at := bytes.Index(content, []byte("\r\n."))
	if at < 0 {
		return content
	}
	kept := content[:at+2]
	rest := content[at+3:]
	for {
		at = bytes.Index(rest, []byte("\r\n."))
		if at < 0 {
			return append(kept, rest...)
		}
		kept = append(kept, rest[:at+2]...)
		rest = rest[at+3:]
	}
}

// command answers one line. It returns the number of bytes used, 0 while the
// line has no end.
func (c *conversation) command(in []byte) int {
	end := bytes.IndexByte(in, '\n')
	if end < 0 {
		return 0
	}
	if end == 0 || in[end-1] != '\r' {
		c.out, c.ended = append(c.out, replyBare...), true
		return end + 1
	}
	verb, _, _ := strings.Cut(string(in[:end-1]), " ")
	c.out = append(c.out, c.answer(strings.ToUpper(verb))...)
	return end + 1
}

// answer is the reply to a verb. Addresses and attributes are not looked at:
// the ledger goes by content.
func (c *conversation) answer(verb string) string {
	switch verb {
	case "EHLO", "HELO":
		c.greeted, c.sender, c.rcpts = true, false, 0
		return replyEhlo
	case "XFORWARD":
		return c.ordered(c.greeted && !c.sender, replyOK)
	case "MAIL":
		if !c.greeted || c.sender {
			return replyOrder
		}
		c.sender = true
		return replySender
	case "RCPT":
		if c.sender {
			c.rcpts++
		}
		return c.ordered(c.sender, replyRcpt)
	case "DATA":
		return c.data()
	case "RSET":
		c.sender, c.rcpts = false, 0
		return replyOK
	case "NOOP":
		return replyOK
	case "QUIT":
		c.ended = true
		return replyBye
	}
	return replyVerb
}

func (c *conversation) data() string {
	if c.sender && c.rcpts == 0 {
		return replyNoRcpt
	}
	c.content = c.rcpts > 0
	return c.ordered(c.content, replyData)
}

func (c *conversation) ordered(ok bool, reply string) string {
	if ok {
		return reply
	}
	return replyOrder
}

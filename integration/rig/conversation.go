package rig

import (
	"bytes"
	"fmt"
	"strings"
)

// Conversation is what a client has said in one connection.
type Conversation struct {
	Commands []string // all lines that are no content, in their order
	Content  []byte   // as sent, with dots stuffed; without the end of data
	Ended    bool     // the end of data was there
}

// String is the whole of it for a person who looks for what went wrong.
func (c Conversation) String() string {
	return fmt.Sprintf("commands %q, content %q, ended %v", c.Commands, c.Content, c.Ended)
}

// readConversation takes DATA for granted: whoever sends it goes on with content.
// It reads as RFC 5321 4.1.1.4 says, and shares no code with what it is to judge.
func readConversation(said []byte) Conversation {
	var c Conversation
	for len(said) > 0 {
		line, rest, _ := bytes.Cut(said, []byte("\r\n"))
		c.Commands, said = append(c.Commands, string(line)), rest
		if c.Content == nil && strings.EqualFold(strings.TrimSpace(string(line)), "DATA") {
			said = c.readContent(rest)
		}
	}
	return c
}

func (c *Conversation) readContent(said []byte) (rest []byte) {
	// A line end in front makes the dot of an empty message an end like others.
	content, rest, ended := bytes.Cut(append([]byte("\r\n"), said...), []byte("\r\n.\r\n"))
	c.Ended = ended
	if ended {
		content = append(content, "\r\n"...)
	}
	c.Content = content[2:]
	return rest
}

// Argument is what stands behind the colon of the first command that begins with
// the verb, MAIL or RCPT.
func (c Conversation) Argument(verb string) string {
	for _, line := range c.Arguments(verb) {
		return line
	}
	return ""
}

// Arguments are those of all such commands.
func (c Conversation) Arguments(verb string) []string {
	var all []string
	for _, line := range c.Commands {
		if len(line) > len(verb) && strings.EqualFold(line[:len(verb)], verb) {
			_, argument, _ := strings.Cut(line, ":")
			all = append(all, argument)
		}
	}
	return all
}

// Clean is the content as it should arrive behind a filter: un-stuffed, CRs before
// CRLF dropped, other bare CRs a space, bare LFs a CRLF.
func (c Conversation) Clean() []byte {
	var b []byte
	if len(c.Content) == 0 {
		return b
	}
	for line := range bytes.SplitSeq(bytes.TrimSuffix(c.Content, []byte("\r\n")), []byte("\r\n")) {
		line = bytes.TrimRight(bytes.TrimPrefix(line, []byte(".")), "\r")
		line = bytes.ReplaceAll(bytes.ReplaceAll(line, []byte("\r"), []byte(" ")), []byte("\n"), []byte("\r\n"))
		b = append(append(b, line...), "\r\n"...)
	}
	return b
}

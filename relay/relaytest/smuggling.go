package relaytest

import (
	"fmt"
	"strings"
)

// Trick is a sequence within content that one mail server or another has taken
// for the end of data (CVE-2023-51764 and its kin), or that ends it in a way that
// a careless server misses. It stands behind text, and before what an attacker
// hopes will be read as commands.
type Trick struct {
	Name     string
	Sequence string // as it is sent, dots not stuffed

	// Content is what is left of the sequence after un-stuffing and hygiene:
	// CRs before CRLF dropped, any other bare CR a space, a bare LF a CRLF.
	Content string
}

// Tricks are the sequences that end nothing. A message goes on behind each of
// them, up to CRLF . CRLF.
func Tricks() []Trick {
	return []Trick{
		{"LF dot LF", "\n.\n", "\r\n.\r\n"},
		{"LF dot CRLF", "\n.\r\n", "\r\n.\r\n"},
		{"CRLF dot LF", "\r\n.\n", "\r\n\r\n"},
		{"LF dot CR", "\n.\r", "\r\n. "},
		{"CR dot LF", "\r.\n", " .\r\n"},
		{"CR dot CR", "\r.\r", " . "},
		{"CRLF dot CR", "\r\n.\r", "\r\n "},
		{"CR dot CRLF", "\r.\r\n", " .\r\n"},
		{"CRLF CR dot CRLF", "\r\n\r.\r\n", "\r\n .\r\n"},
		{"CRLF dot CR CRLF", "\r\n.\r\r\n", "\r\n\r\n"},
		{"LF dot CR CRLF", "\n.\r\r\n", "\r\n.\r\n"},
		{"CR CRLF dot CR CRLF", "\r\r\n.\r\r\n", "\r\n\r\n"},
		{"CR CR dot CR CR", "\r\r.\r\r", "  .  "},
		{"LF CR dot LF CR", "\n\r.\n\r", "\r\n .\r\n "},
		{"CRLF LF dot CRLF", "\r\n\n.\r\n", "\r\n\r\n.\r\n"},
		{"LF CRLF dot CR CRLF", "\n\r\n.\r\r\n", "\r\n\r\n\r\n"},
		{"CRLF dot NUL CRLF", "\r\n.\x00\r\n", "\r\n\x00\r\n"},
		{"CRLF NUL dot CRLF", "\r\n\x00.\r\n", "\r\n\x00.\r\n"},
		{"CRLF dot blank CRLF", "\r\n. \r\n", "\r\n \r\n"},
		{"CRLF dot dot CRLF", "\r\n..\r\n", "\r\n.\r\n"},
		{"CRLF dot dot LF", "\r\n..\n", "\r\n.\r\n"},
	}
}

// TrueEnds are the sequences that do end a message. What follows them is none of
// it.
func TrueEnds() []Trick {
	return []Trick{
		{"CRLF dot CRLF", "\r\n.\r\n", "\r\n"},
		{"CR CRLF dot CRLF", "\r\r\n.\r\n", "\r\n"},
		{"CRLF dot CR CRLF dot CRLF", "\r\n.\r\r\n.\r\n", "\r\n\r\n"},
		{"LF CRLF dot CRLF", "\n\r\n.\r\n", "\r\n\r\n"},
	}
}

// Tails are the verbs with which a smuggled message may bring its content. A
// server that looks for bytes ahead of its reply to DATA does not look at BDAT.
func Tails() []string { return []string{"DATA", "BDAT"} }

// Smuggled are the commands that an attacker hopes the next hop will execute, and
// the message in them. Its sender and recipients are addresses. The last line has
// no end: the end of the outer message is to be its own.
func Smuggled(tail, sender string, recipients ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "MAIL FROM:<%s>\r\n", sender)
	for _, r := range recipients {
		fmt.Fprintf(&b, "RCPT TO:<%s>\r\n", r)
	}
	const content = "Subject: smuggled\r\n\r\nsmuggled\r\n"
	if tail == "BDAT" {
		fmt.Fprintf(&b, "BDAT %d LAST\r\n%sQUIT", len(content), content)
	} else {
		fmt.Fprintf(&b, "DATA\r\n%s", strings.TrimSuffix(content, "\r\n"))
	}
	return b.String()
}

package main

import (
	"regexp"
	"slices"
)

// maxReplyText keeps a reply below the 512 bytes of RFC 5321 4.5.3.1.5, with
// its codes, its reference and its contact.
const (
	maxReplyText = 250
	maxContact   = 200
)

func replyRules() rules {
	return rules{want: "one line of printable ASCII, at most 250 characters; {id} and {contact} are replaced", check: func(s string) error {
		return replyText(s, maxReplyText, "id", "contact")
	}}
}

func contactRules() rules {
	return rules{want: "printable ASCII, at most 200 characters, or nothing; {id} is replaced", check: func(s string) error {
		return replyText(s, maxContact, "id")
	}}
}

// replyText checks what is told to strangers. Postfix passes only printable
// ASCII on to the client (smtpd_proxy.c, printable()), so anything else would
// arrive as question marks.
func replyText(s string, most int, names ...string) error {
	if !printable(s) {
		return wrongf("SMTP replies are ASCII", "%s has other characters than printable ASCII", quote(s))
	}
	if len(s) > most {
		return wrongf("", "%d characters are too many", len(s))
	}
	return placeholders(s, names...)
}

// placeholders refuses a {word} that nothing replaces.
func placeholders(s string, names ...string) error {
	for _, found := range regexp.MustCompile(`\{([^}]*)\}?`).FindAllStringSubmatch(s, -1) {
		if !slices.Contains(names, found[1]) {
			return wrongf(didYouMean(found[1], names), "%s stands for nothing", found[0])
		}
	}
	return nil
}

// printable reports whether s is printable ASCII, blanks included.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

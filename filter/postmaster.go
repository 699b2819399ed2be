package filter

import "strings"

// Postmasters reports that a message is for nobody but postmasters and those who
// take complaints. Mail for them must get through (RFC 5321 4.5.1, RFC 2142 4 and 5),
// the more so as what they are shown is often spam. One other recipient makes it
// mail like any other: else a spammer would add a postmaster to each message.
func Postmasters(recipients []string) bool {
	for _, r := range recipients {
		switch local, _, _ := strings.Cut(Mailbox(r), "@"); local {
		case "postmaster", "abuse":
		default:
			return false
		}
	}
	return len(recipients) > 0
}

// Spared is the policy for mail that is only for postmasters: it tags at most.
func (p Policy) Spared() Policy {
	if !p.TagOnly {
		p.Name += PostmasterSuffix
		p.TagOnly = true
	}
	return p
}

package filter

import "strings"

// Mailbox is an address in the one form in which addresses are compared: lower
// case, without quotation marks, comments, blanks, routes and final dot. Postfix
// delivers every such spelling to the same mailbox, so a sender must not be able to
// choose a policy by his spelling.
func Mailbox(address string) string {
	address = meant(address)
	if first := strings.IndexAny(address, "@!%"); first != strings.LastIndexByte(address, '@') {
		address = unrouted(address)
	}
	return trimmed(address)
}

// Originator is the address of a sender in that form. A route in it is not followed:
// it would lead through somebody else's domain, where Postfix does not go, and what SPF
// and DKIM say is about the domain behind the last @. Else user%example.org@example.net
// would have the good name of example.org.
func Originator(address string) string {
	address = trimmed(meant(address))
	if !strings.Contains(address, "@") { // Postfix makes an address of it
		return Mailbox(address)
	}
	return address
}

// meant is an address without what has no meaning.
func meant(address string) string {
	if strings.ContainsAny(address, "\"\\(: \t") {
		return unquoted(address)
	}
	return address
}

// trimmed is an address in lower case, without a final dot; nor has an escaped blank
// there a meaning.
func trimmed(address string) string { return strings.TrimRight(strings.ToLower(address), ". ") }

// unrouted takes the route out of a local part: "user%example.org@mx" and
// "example.org!user" are user@example.org. Postfix goes on from domain to domain in
// this order as long as they are its own (resolve.c), and does not take a route
// through somebody else's domain from a stranger, so the last one is meant.
func unrouted(address string) string {
	local, domain := address, ""
	for {
		if i := strings.LastIndexByte(local, '@'); i >= 0 {
			local, domain = local[:i], local[i+1:]
		} else if i := strings.IndexByte(local, '!'); i >= 0 {
			local, domain = local[i+1:], local[:i]
		} else if i := strings.LastIndexByte(local, '%'); i >= 0 {
			local, domain = local[:i], local[i+1:]
		} else {
			return local + "@" + domain
		}
	}
}

// Unextended is the mailbox without what a delimiter begins, as a lookup in a map of
// mailboxes wants it.
func Unextended(address, delimiters string) string {
	mailbox := Mailbox(address)
	at := strings.LastIndexByte(mailbox, '@')
	if at < 0 {
		return mailbox
	}
	if end := extension(mailbox[:at], delimiters); end > 0 {
		return mailbox[:end] + mailbox[at:]
	}
	return mailbox
}

// unquoted takes out what has no meaning, as far as Postfix's own tokenizer does
// (tok822_parse.c).
func unquoted(address string) string {
	b := make([]byte, 0, len(address))
	quoted, comments := false, 0
	for i := 0; i < len(address); i++ {
		c := address[i]
		switch {
		case c == '\\': // at the end it escapes nothing
			if i++; comments == 0 && i < len(address) {
				b = append(b, address[i])
			}
		case c == '"' && comments == 0:
			quoted = !quoted
		case quoted:
			b = append(b, c)
		case c == '(':
			comments++
		case c == ')' && comments > 0:
			comments--
		case comments > 0, c == ' ', c == '\t':
		case c == ':' && len(b) > 0 && b[0] == '@': // the end of a source route
			b = b[:0]
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// lookups are the names under which a list may have a recipient, the most
// specific first, in the order of Postfix's own tables (virtual(5)): the address,
// the address without its extension, the domain, and each parent domain as
// ".example.org". They are put behind names.
func lookups(names []string, recipient, delimiters string) []string {
	return lookupsOf(names, Mailbox(recipient), delimiters)
}

// lookupsOf are the names for an address in the form in which addresses are compared.
func lookupsOf(names []string, address, delimiters string) []string {
	names = append(names, address)
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return names // <postmaster> has no domain (RFC 5321 4.1.1.3)
	}
	if end := extension(address[:at], delimiters); end > 0 {
		names = append(names, address[:end]+address[at:])
	}
	domain := address[at+1:]
	if domain == "" {
		return names
	}
	names = append(names, domain)
	for surplus := strings.Count(domain, ".") - (maxLookups - len(names)); ; surplus-- {
		dot := strings.IndexByte(domain, '.')
		if dot < 0 {
			return names
		}
		if surplus <= 0 {
			names = append(names, domain[dot:])
		}
		domain = domain[dot+1:]
	}
}

// maxLookups bounds what one recipient costs: a hostile domain of 255 bytes has
// 127 labels, an honest one fewer than ten. What is left out are the nearest parents
// of a long one: the others are what lists have.
const maxLookups = 16

// extension is where the extension of a local part begins, or 0. Postfix does
// not split these names either (split_addr.c).
func extension(local, delimiters string) int {
	if delimiters == "" || local == "mailer-daemon" || local == "double-bounce" {
		return 0
	}
	if strings.Contains(delimiters, "-") && (strings.HasPrefix(local, "owner-") || strings.HasSuffix(local, "-request")) {
		return 0
	}
	return max(0, strings.IndexAny(local, delimiters))
}

// Recipients is a set of addresses ("user@example.org"), domains ("example.org")
// and domains below one ("*.example.org"). Its size does not matter to a lookup.
// A nil set is empty.
type Recipients struct{ entries map[string]struct{} }

// NewRecipients makes a set. An entry may be spelled like any recipient.
func NewRecipients(entries []string) *Recipients {
	s := &Recipients{entries: make(map[string]struct{}, len(entries))}
	for _, e := range entries {
		s.entries[entry(e)] = struct{}{}
	}
	return s
}

// entry is what a lookup finds an entry of a list by.
func entry(text string) string {
	if domain, below := strings.CutPrefix(text, "*."); below {
		text = "." + domain
	}
	return Mailbox(text)
}

// find is the most specific entry for the recipient with these lookups.
func (s *Recipients) find(names []string) (string, bool) {
	if s == nil || len(s.entries) == 0 {
		return "", false
	}
	for _, name := range names {
		if _, found := s.entries[name]; found {
			return written(name), true
		}
	}
	return "", false
}

// written is an entry as it would be written in a list.
func written(name string) string {
	if strings.HasPrefix(name, ".") {
		return "*" + name
	}
	return name
}

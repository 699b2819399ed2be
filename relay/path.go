package relay

import "strings"

// address is whom a MAIL or RCPT command names, for policies and records, in the
// spelling of the client and without what Postfix ignores. What goes to the next hop
// is the command itself.
//
// Postfix takes much more than <user@example.org>: phrases and comments around the
// address, brackets within brackets, groups, or no brackets at all
// (strict_rfc821_envelopes is off by default). It hands the command on as it came, and
// the next hop reads it in the same way. So it is read here as they read it (extract_addr
// in smtpd.c): who finds another address in <abuse@<user@example.org>> lets a stranger
// choose a policy by his spelling.
func address(line string) string {
	_, rest, _ := strings.Cut(line, ":")
	text := firstWord(rest)
	if strings.HasPrefix(text, "<") && strings.HasSuffix(text, ">") {
		text = text[1 : len(text)-1]
	}
	if !strings.ContainsAny(text, specials) {
		return text
	}
	if _, behind, found := strings.Cut(text, ":"); found && text[0] == '@' { // a source route
		text = behind
	}
	tokens := tokenize(text)
	switch found := addresses(tokens); len(found) {
	case 0:
		return ""
	case 1:
		return found[0].print(text)
	}
	return text // Postfix refuses more than one
}

// firstWord is what stands up to the first blank. Brackets, which nest, quotation
// marks and backslashes hide blanks (smtpd_token.c).
func firstWord(s string) string {
	s = trimLeft(s)
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ' ', '\t':
			return s[:i]
		case '<', '"':
			i = closing(s, i)
		case '\\':
			i++
		}
	}
	return s
}

// closing is where the bracket or the quotation mark at s[i] ends.
func closing(s string, i int) int {
	depth, quoted := 0, false
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			depth++
		case c == '>':
			depth--
		}
		if depth == 0 && !quoted {
			return i
		}
	}
	return len(s)
}

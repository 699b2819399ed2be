package relay

import "strings"

// What separates tokens (tok822_parse.c). Without the specials a text is one address,
// whatever else it has.
const (
	specials  = "()<>,;:\\\"[] \t"
	operators = specials + "@.|%!"
)

// token is a part of an address: an operator, or a word, which stands for an atom, a
// quoted string or a domain literal.
type token struct {
	operator   byte // 0: a word
	start, end int  // in the text
}

// tokens are a text, or a part of it.
type tokens []token

func (t tokens) print(text string) string {
	var b strings.Builder
	for _, part := range t {
		b.WriteString(text[part.start:part.end])
	}
	return b.String()
}

// tokenize leaves out blanks and comments. What has no end goes to that of the text.
func tokenize(text string) (all tokens) {
	for i := 0; i < len(text); {
		t := token{start: i}
		switch c := text[i]; {
		case c == ' ' || c == '\t':
			i++
			continue
		case c == '(':
			i = commentEnd(text, i)
			continue
		case c == '[':
			i = literalEnd(text, i, ']')
		case c == '"':
			i = literalEnd(text, i, '"')
		case c != '\\' && strings.IndexByte(operators, c) >= 0:
			t.operator = c
			i++
		default:
			i = atomEnd(text, i)
		}
		t.end = i
		all = append(all, t)
	}
	return all
}

// commentEnd is behind a comment, which may have others in it.
func commentEnd(s string, i int) int {
	for depth := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// literalEnd is behind the next such character.
func literalEnd(s string, i int, last byte) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case last:
			return i + 1
		}
	}
	return len(s)
}

func atomEnd(s string, i int) int {
	for ; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		} else if strings.IndexByte(operators, s[i]) >= 0 {
			return i
		}
	}
	return len(s)
}

// addresses finds what Postfix takes for addresses, from right to left
// (tok822_parse.c): what stands in brackets, or in a list or a group, or by itself.
func addresses(all tokens) []tokens {
	p := parser{all: all, right: len(all), word: true}
	for i := len(all) - 1; i >= 0; {
		i = p.step(i)
	}
	p.address(-1)
	return p.found
}

// parser is the state of addresses.
type parser struct {
	all   tokens
	found []tokens
	right int  // what is before it may belong to the next address
	word  bool // a word may follow; after one, it begins another address
	group bool // the end of a group was seen
}

// address takes what stands between two places for one, if anything does.
func (p *parser) address(left int) {
	if left+1 < p.right {
		p.found = append(p.found, p.all[left+1:p.right])
	}
	p.right = left
}

// step looks at one token, and gives the place of the one to look at next.
func (p *parser) step(i int) int {
	switch c := p.all[i].operator; {
	case c == '>':
		p.address(i)
		i = p.before(i, "<")
		p.address(i)
		p.right, p.word = p.before(i, ">;,:"), true // a phrase is no address
		return p.right
	case c == ':' && p.group:
		p.address(i)
		p.right = p.before(i, ",") // so is the name of a group
		return p.right
	case c == ';' || c == ',':
		p.address(i)
		p.word, p.group = true, p.group || c == ';'
	case c != 0:
		p.word = true
	case p.word:
		p.word = false
	default: // two words
		p.address(i)
		p.right = i + 1
	}
	return i - 1
}

// before is the place of the next such operator to the left, or -1.
func (p *parser) before(i int, wanted string) int {
	for i--; i >= 0 && (p.all[i].operator == 0 || strings.IndexByte(wanted, p.all[i].operator) < 0); i-- {
	}
	return i
}

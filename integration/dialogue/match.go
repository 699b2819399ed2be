package dialogue

import (
	"regexp"
	"strings"
)

// reference is Crockford's base 32, 12 characters: see filter.Reference.
const reference = `([0-9A-HJKMNP-TV-Z]{12})`

// matcher compares texts with patterns in which * is any text. {id}, {id2} and so
// on are references: the first match says which, and the same one is wanted from
// then on. So one reference joins a reply, a record and the next hop's log.
type matcher struct {
	ids map[string]string
}

// begins reports whether the text begins with what the pattern says.
func (m *matcher) begins(pattern, text string) bool {
	return m.match("^"+m.compile(pattern), pattern, text)
}

// equals reports whether the whole text is what the pattern says.
func (m *matcher) equals(pattern, text string) bool {
	return m.match("^"+m.compile(pattern)+"$", pattern, text)
}

func idWords() *regexp.Regexp { return regexp.MustCompile(`\{id[0-9]*\}|\*`) }

func (m *matcher) compile(pattern string) string {
	var b strings.Builder
	b.WriteString("(?s)")
	last := 0
	for _, at := range idWords().FindAllStringIndex(pattern, -1) {
		b.WriteString(regexp.QuoteMeta(pattern[last:at[0]]))
		switch word := pattern[at[0]:at[1]]; {
		case word == "*":
			b.WriteString(".*")
		case m.ids[word] != "":
			b.WriteString("(" + m.ids[word] + ")")
		default:
			b.WriteString(reference)
		}
		last = at[1]
	}
	b.WriteString(regexp.QuoteMeta(pattern[last:]))
	return b.String()
}

func (m *matcher) match(expression, pattern, text string) bool {
	found := regexp.MustCompile(expression).FindStringSubmatch(text)
	if found == nil {
		return false
	}
	n := 1
	for _, word := range idWords().FindAllString(pattern, -1) {
		if word == "*" {
			continue
		}
		if m.ids == nil {
			m.ids = make(map[string]string)
		}
		m.ids[word] = found[n]
		n++
	}
	return true
}

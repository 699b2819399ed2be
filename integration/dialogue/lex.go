package dialogue

import (
	"errors"
	"strconv"
	"strings"
)

// words splits at blanks. A double-quoted part, anywhere in a word, is a string
// of Go: key="with blanks".
func words(s string) ([]string, error) {
	var all []string
	for {
		s = strings.TrimLeft(s, " ")
		if s == "" {
			return all, nil
		}
		word, rest, err := oneWord(s)
		if err != nil {
			return nil, err
		}
		all, s = append(all, word), rest
	}
}

func oneWord(s string) (word, rest string, err error) {
	var b strings.Builder
	for s != "" && s[0] != ' ' {
		if s[0] != '"' {
			n := strings.IndexAny(s, ` "`)
			if n < 0 {
				n = len(s)
			}
			b.WriteString(s[:n])
			s = s[n:]
			continue
		}
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return "", "", errors.New("a quoted string does not end, or has a bad escape")
		}
		text, err := strconv.Unquote(quoted)
		if err != nil {
			return "", "", err
		}
		b.WriteString(text)
		s = s[len(quoted):]
	}
	return b.String(), s, nil
}

// quote prints a word so that words reads it back. It leaves key= outside.
func quote(word string) string {
	if plain(word) && !strings.HasSuffix(word, "=") {
		return word
	}
	key, value, ok := strings.Cut(word, "=")
	if ok && plain(key) {
		return key + "=" + strconv.Quote(value)
	}
	return strconv.Quote(word)
}

func plain(word string) bool {
	if word == "" {
		return false
	}
	quoted := strconv.Quote(word)
	return quoted[1:len(quoted)-1] == word && !strings.Contains(word, " ")
}

// escape is the inside of a quoted string.
func escape(s string) string {
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}

// String prints one line, without its line end.
func (l Line) String() string {
	client := ""
	if l.Client > 0 {
		client = strconv.Itoa(l.Client)
	}
	switch l.Word {
	case "":
		return ""
	case "#", "case":
		return strings.TrimRight(l.Word+" "+l.Text, " ")
	case "C", "S":
		if l.Text == "" {
			return l.Word + client + ":"
		}
		return l.Word + client + ": " + l.Text
	}
	out := l.Word
	if client != "" {
		out += " " + client
	}
	for _, a := range l.Args {
		out += " " + quote(a)
	}
	return out
}

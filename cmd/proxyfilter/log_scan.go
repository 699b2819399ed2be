package main

import (
	"unicode"
	"unicode/utf8"
)

// scan goes through the members of a JSON object, or the elements of an array.
// It is for what zerolog writes, and stops at anything else.
type scan struct {
	rest       []byte
	array      bool
	begun      bool
	key, value []byte // as they stand there: strings with their quotation marks
}

// next finds one member, and reports whether there was one.
func (s *scan) next() bool {
	if len(s.rest) == 0 || (s.begun && s.rest[0] != ',') || (!s.begun && s.rest[0] != '{' && s.rest[0] != '[') {
		return false
	}
	s.begun = true
	s.rest = s.rest[1:]
	if !s.array {
		n := valueEnd(s.rest)
		if n < 2 || s.rest[0] != '"' || n >= len(s.rest) || s.rest[n] != ':' {
			return false
		}
		s.key, s.rest = s.rest[1:n-1], s.rest[n+1:]
	}
	n := valueEnd(s.rest)
	s.value, s.rest = s.rest[:n], s.rest[n:]
	return n > 0
}

// valueEnd is the length of the value at the beginning of b.
func valueEnd(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i += stringEnd(b[i:])
			if depth == 0 {
				return min(i+1, len(b))
			}
		case '{', '[':
			depth++
		case '}', ']', ',':
			if depth == 0 {
				return i
			}
			if b[i] != ',' {
				depth--
			}
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(b)
}

// stringEnd is the place of the closing quotation mark of the string at b.
func stringEnd(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(b)
}

// form is how a text is kept apart from what follows it.
type form uint8

// The forms. In none of them can a text contain what ends it, because fail2ban
// and people trust these lines: a HELO of `x>, action=accept` must not pass for
// our own words.
const (
	bare    form = iota // as it is
	guarded             // in quotation marks when it is more than a word
	angled              // in angle brackets
	listed              // between commas
	slashed             // between slashes
)

// appendText writes a JSON string or number in a form. Control characters, and
// whatever else does not print, become "?", as in Postfix (printable(3)).
func appendText(dst, value []byte, f form) []byte {
	if len(value) > 1 && value[0] == '"' {
		value = value[1 : len(value)-1]
	}
	if f == guarded && oneWord(value) {
		f = bare
	}
	open, closing := "", ""
	switch f {
	case guarded:
		open, closing = `"`, `"`
	case angled:
		open, closing = "<", ">"
	}
	dst = append(dst, open...)
	for len(value) > 0 {
		span := plainSpan(value)
		dst = append(dst, value[:span]...)
		if value = value[span:]; len(value) == 0 {
			break
		}
		r, n := nextRune(value)
		value = value[n:]
		switch {
		case !unicode.IsPrint(r) || r == utf8.RuneError,
			f == angled && (r == '<' || r == '>'),
			f == listed && (r == ',' || r == ' '),
			f == slashed && (r == ',' || r == ' ' || r == '/'):
			dst = append(dst, '?')
		case f == guarded && (r == '"' || r == '\\'):
			dst = append(dst, '\\', byte(r))
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, closing...)
}

// oneWord reports whether a text needs no quotation marks.
func oneWord(b []byte) bool {
	for _, c := range b {
		switch {
		case c <= ' ' || c > '~' || c == ',' || c == '"' || c == '=' || c == '\\':
			return false
		}
	}
	return len(b) > 0
}

// nextRune undoes one character of a JSON string.
func nextRune(b []byte) (r rune, n int) {
	if b[0] != '\\' || len(b) < 2 {
		return utf8.DecodeRune(b)
	}
	switch b[1] {
	case '"', '\\', '/':
		return rune(b[1]), 2
	case 'u':
		if len(b) < 6 {
			return utf8.RuneError, len(b)
		}
		for _, c := range b[2:6] {
			r = r<<4 | hexDigit(c)
		}
		return r, 6
	}
	return 0, 2 // \n, \t and the like: control characters
}

// plainSpan is how many bytes stand for themselves in every form. Most of a line does.
func plainSpan(b []byte) int {
	for i, c := range b {
		if c <= ' ' || c > '~' || c == '\\' || c == '"' || c == '<' || c == '>' || c == ',' || c == '/' {
			return i
		}
	}
	return len(b)
}

func hexDigit(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10
	}
	return 0
}

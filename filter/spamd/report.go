package spamd

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"proxyfilter/filter"
)

// usualRules is how many rules hit a message at most, usually.
const usualRules = 16

// Bounds of what is believed. A field of the header is made of the names.
const (
	maxRules = 400
	maxName  = 128
	maxText  = 200
)

// errNoTable is a report without a table that can be read.
var errNoTable = errors.New("no table in the report")

// parseReport reads the table of a report:
//
//	 pts rule name              description
//	---- ---------------------- --------------------------------------------------
//	 0.4 INVALID_DATE           Invalid Date: header (not RFC 2822)
//	-0.0 NO_RELAYS              Informational: message was not relayed via SMTP
//	 100 USER_IN_BLOCKLIST      A description that goes on
//	                            in the next line
//
// The words above it are translated; the line of dashes is not. The sender of
// the message cannot forge it, although some of the message is quoted above it:
// SpamAssassin takes runs of ten dashes out of its preview
// (PerMsgStatus.pm, get_content_preview). A table without a row is one: no rule
// may have hit.
func parseReport(body []byte) ([]filter.Rule, error) {
	var rules []filter.Rule
	table := false
	for line := range bytes.Lines(body) {
		line = bytes.TrimRight(line, "\r\n")
		if isRuler(line) {
			table, rules = true, make([]filter.Rule, 0, usualRules)
			continue
		}
		if !table || len(rules) == maxRules {
			continue
		}
		if rule, ok := parseRow(line); ok {
			rules = append(rules, rule)
			continue
		}
		more, ok := continuation(line)
		if !ok {
			if len(bytes.TrimSpace(line)) == 0 || len(rules) > 0 {
				break // what the template says below its table
			}
			return nil, errNoTable
		}
		if n := len(rules); n > 0 {
			rules[n-1].Description = printable([]byte(rules[n-1].Description+" "+more), maxText)
		}
	}
	if !table {
		return nil, errNoTable
	}
	return rules, nil
}

// isRuler reports a line of three columns of dashes, the second one of ten and
// more.
func isRuler(line []byte) bool {
	if len(line) == 0 || line[0] != '-' || len(bytes.Trim(line, "- ")) > 0 {
		return false
	}
	columns := bytes.Fields(line)
	return len(columns) == 3 && len(columns[1]) >= 10
}

// parseRow reads points, name and description. The points stand in four
// columns ("%4.1f"), so a row cannot be taken for the rest of a description.
func parseRow(line []byte) (filter.Rule, bool) {
	trimmed := bytes.TrimLeft(line, " ")
	if len(line)-len(trimmed) > 3 {
		return filter.Rule{}, false
	}
	points, rest, ok := bytes.Cut(trimmed, []byte(" "))
	if !ok {
		return filter.Rule{}, false
	}
	value, ok := parsePoints(points)
	if !ok {
		return filter.Rule{}, false
	}
	name, text, _ := bytes.Cut(rest, []byte(" "))
	if !isName(name) {
		return filter.Rule{}, false
	}
	return filter.Rule{Name: string(name), Points: value, Description: printable(text, maxText)}, true
}

// parsePoints reads digits, one point and a sign. strconv would take "inf",
// "0x1p4" and "1e300".
func parsePoints(b []byte) (float64, bool) {
	digits := bytes.TrimPrefix(b, []byte("-"))
	if len(digits) == 0 || len(digits) > 10 || len(bytes.Trim(digits, "0123456789.")) > 0 {
		return 0, false
	}
	value, err := strconv.ParseFloat(string(b), 64)
	if value == 0 {
		value = 0 // SpamAssassin's -0.0, which a record would show as -0
	}
	return value, err == nil
}

// isName accepts what SpamAssassin lets a rule be called: letters of both
// cases, since administrators name rules as they like.
func isName(b []byte) bool {
	if len(b) == 0 || len(b) > maxName {
		return false
	}
	for _, c := range b {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_':
		default:
			return false
		}
	}
	return true
}

// continuation is the rest of a description, or what a rule has to say about
// this message, in brackets.
func continuation(line []byte) (string, bool) {
	trimmed := bytes.TrimSpace(line)
	switch {
	case len(trimmed) == 0:
		return "", false
	case bytes.HasPrefix(line, []byte("     ")), trimmed[0] == '[':
		return string(trimmed), true
	}
	return "", false
}

// parseSymbols reads the names that SYMBOLS gives, which have no points.
func parseSymbols(body []byte) []filter.Rule {
	var rules []filter.Rule
	for name := range bytes.SplitSeq(body, []byte(",")) {
		name = bytes.TrimSpace(name)
		if isName(name) && len(rules) < maxRules {
			rules = append(rules, filter.Rule{Name: string(name)})
		}
	}
	return rules
}

// printable is text that can go anywhere: valid UTF-8 without control
// characters, of at most so many bytes. What is no UTF-8 is read as ISO 8859-1,
// which is what SpamAssassin's translations are written in.
func printable(b []byte, limit int) string {
	b = bytes.Trim(b, " ")
	if len(b) <= limit && isPlain(b) {
		return string(b)
	}
	latin := !utf8.Valid(b)
	var out strings.Builder
	blank := true // so none at the beginning
	for i := 0; i < len(b); {
		r, n := rune(b[i]), 1
		if !latin {
			r, n = utf8.DecodeRune(b[i:])
		}
		i += n
		if r <= ' ' || r >= 0x7f && r < 0xa0 {
			if blank {
				continue
			}
			r = ' '
		}
		blank = r == ' '
		if out.Len()+utf8.RuneLen(r) > limit {
			break
		}
		out.WriteRune(r)
	}
	return strings.TrimRight(out.String(), " ")
}

// isPlain reports what printable would leave alone: nearly every description.
func isPlain(b []byte) bool {
	for i, c := range b {
		if c < ' ' || c > '~' || c == ' ' && b[i-1] == ' ' {
			return false
		}
	}
	return true
}

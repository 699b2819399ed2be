package main

import (
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// outcomeLine is the reference and the fields of a line about an outcome.
func outcomeLine(line string) (id, fields string, found bool) {
	_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "]: ") // behind the tag
	rest = strings.TrimPrefix(strings.TrimPrefix(rest, "warning: "), "error: ")
	if len(rest) < 14 || !strings.HasPrefix(rest[12:], ": client=") {
		return "", "", false
	}
	return rest[:12], rest[14:], true
}

// awaitLines returns when so many lines have come behind a place in the log, and where
// they end.
func (s *site) awaitLines(t *testing.T, from, n int) (to int) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		tail, grown := s.log.behind(from)
		for line := range strings.Lines(tail) {
			if _, _, found := outcomeLine(line); found {
				n--
			}
		}
		if from += len(tail); n <= 0 {
			return from
		}
		select {
		case <-grown:
		case <-late:
			t.Fatalf("%d lines are missing, %d are lost", n, s.lines.lost.Load())
		}
	}
}

// behind is what is written behind a place.
func (b *logBook) behind(from int) (string, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.grown == nil {
		b.grown = make(chan struct{})
	}
	return string(b.text.Bytes()[from:]), b.grown
}

// outcomeLines are the fields of each line, by reference.
func (s *site) outcomeLines(t *testing.T) map[string]map[string]string {
	t.Helper()
	text, _ := s.log.read()
	all := map[string]map[string]string{}
	for line := range strings.Lines(text) {
		if id, fields, found := outcomeLine(line); found {
			all[id] = fieldsOf(t, fields)
		}
	}
	return all
}

// fieldsOf reads a line as a person or fail2ban does: field by field, to its end.
// (With a regular expression, -race takes three times as long.)
func fieldsOf(t *testing.T, line string) map[string]string {
	t.Helper()
	fields := map[string]string{}
	for rest := line; rest != ""; {
		key, value, found := strings.Cut(rest, "=")
		if _, twice := fields[key]; twice || !found || strings.ContainsAny(key, ` ,"<>`) {
			t.Fatalf("this cannot be read, or is there twice: %q\nin %q", rest, line)
		}
		end := valueLength(value)
		fields[key], rest = value[:end], strings.TrimPrefix(value[end:], ", ")
	}
	return fields
}

// valueLength is up to ", " or the end, which may not be in a quotation nor in angle
// brackets. A list may begin with a quotation mark that belongs to a word.
func valueLength(s string) int {
	end := strings.Index(s, ", ")
	if end < 0 {
		end = len(s)
	}
	if s == "" || s[0] != '"' && s[0] != '<' {
		return end
	}
	quoted := s[0] == '"'
	for i := 1; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case quoted && s[i] == '"', !quoted && s[i] == '>' && !strings.HasPrefix(s[i:], ">,<"):
			if rest := s[i+1:]; rest == "" || strings.HasPrefix(rest, ", ") {
				return i + 1
			}
			return end
		}
	}
	return end
}

// countedFrom counts lines as the metrics call what they count.
func countedFrom(log map[string]map[string]string) map[string]int {
	all := map[string]int{"score_count": 0}
	for _, line := range log {
		all[`messages_total{action="`+line["action"]+`",reason="`+line["reason"]+`"}`]++
		if line["score"] != "" {
			all["score_count"]++
		}
		for source, name := range map[string]string{"spamd": "spamd", "clamd": "clamd", "sandbox": "other"} {
			if cause := line[source+"_cause"]; cause != "" {
				all[`source_errors_total{cause="`+cause+`",source="`+name+`"}`]++
			}
		}
		for _, kind := range anomalies(nil) {
			n, _ := strconv.Atoi(line[kind.kind])
			all[`anomalies_total{kind="`+kind.kind+`"}`] += n
		}
	}
	return all
}

// rowsOf finds rows of the page's tables, without their markup.
func rowsOf(page, from, row string) (all [][]string) {
	_, part, _ := strings.Cut(page, from)
	part, _, _ = strings.Cut(part, "</section>")
	for _, m := range regexp.MustCompile(row).FindAllStringSubmatch(part, -1) {
		for i := range m {
			m[i] = html.UnescapeString(m[i])
		}
		all = append(all, m[1:])
	}
	return all
}

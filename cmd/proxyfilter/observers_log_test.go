package main

import (
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var outcomeLine = regexp.MustCompile(`(?m)^proxyfilter\[\d+\]: (?:warning: |error: )?([0-9A-Z]{12}): (client=.*)$`)

// awaitLines returns when so many lines have come behind a place in the log, and where
// they end.
func (s *site) awaitLines(t *testing.T, from, n int) (to int) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		tail, grown := s.log.behind(from)
		n -= len(outcomeLine.FindAllStringIndex(tail, -1))
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
	for _, m := range outcomeLine.FindAllStringSubmatch(text, -1) {
		all[m[1]] = fieldsOf(t, m[2])
	}
	return all
}

var lineField = regexp.MustCompile(`^([a-z_]+)=("(?:[^"\\]|\\.)*"|(?:<[^<>]*>,?)+|[^ ]*)(?:, |$)`)

// fieldsOf reads a line as a person or fail2ban does: field by field, to its end.
func fieldsOf(t *testing.T, line string) map[string]string {
	t.Helper()
	fields := map[string]string{}
	for rest := line; rest != ""; {
		m := lineField.FindStringSubmatch(rest)
		if m == nil {
			t.Fatalf("this cannot be read: %q\nin %q", rest, line)
		}
		if _, twice := fields[m[1]]; twice {
			t.Fatalf("%s is there twice: %q", m[1], line)
		}
		fields[m[1]], rest = strings.TrimSuffix(m[2], ","), rest[len(m[0]):]
	}
	return fields
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

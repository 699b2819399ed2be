package main

import (
	"fmt"
	"io"
	"strings"

	"proxyfilter/filter/review"
)

// proseWidth is that of a paragraph, without its margin.
const proseWidth = 76

// printRelays is about hosts that seem to hand on mail of others.
func printRelays(w io.Writer, all []review.Relay) {
	if len(all) == 0 {
		return
	}
	heading(w, "Hosts that seem to hand on mail of others")
	for _, line := range folded(review.AboutRelays(), proseWidth) {
		fmt.Fprintf(w, "  %s\n", line)
	}
	fmt.Fprintf(w, "  %*s   refused   domains    passed\n", -keyCells, "")
	for _, r := range all {
		fmt.Fprintf(w, "  %s  %8d  %8d  %8d\n", keyText(strings.TrimSpace(r.Client+" "+r.Name)), r.Refused, r.Domains, r.Passed)
	}
}

// folded is a text in lines that are at most so long, where its words are.
func folded(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

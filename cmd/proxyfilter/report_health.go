package main

import (
	"fmt"
	"io"

	"proxyfilter/filter/review"
)

// printHealth is about what made scores wrong, if anything did.
func printHealth(w io.Writer, s review.Summary) {
	if len(s.Health) == 0 && s.Spared == 0 {
		return
	}
	heading(w, "Score health")
	for _, spell := range s.Health {
		fmt.Fprintf(w, "  %s, %s:\n", spell.Colour, spell.When())
		for _, line := range folded(visible(spell.Text)+".", proseWidth-len("  ")) {
			fmt.Fprintf(w, "    %s\n", line)
		}
	}
	if s.Spared > 0 {
		fmt.Fprintf(w, "  Marked, and not refused for their score, because it was red: %d\n", s.Spared)
	}
}

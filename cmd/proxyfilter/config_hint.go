package main

import "fmt"

// didYouMean is a hint that names the candidate nearest to what was written, or
// nothing when none is near.
func didYouMean(written string, candidates []string) string {
	if best, found := nearest(written, candidates); found {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return ""
}

// nearest finds the candidate with the fewest edits, at most a third of the
// letters: beyond that a suggestion is a guess, and misleads.
func nearest(written string, candidates []string) (best string, found bool) {
	least := max(2, len(written)/3) + 1
	for _, c := range candidates {
		if c == "" {
			continue
		}
		if d := distance(written, c); d < least && d < len(c) {
			best, least, found = c, d, true
		}
	}
	return best, found
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours between two words (Damerau 1964, optimal string alignment).
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row := rows[(i+2)%3], rows[i%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}

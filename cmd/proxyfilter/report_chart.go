package main

import "strings"

// eighths are blocks that fill a cell from the left, in eighths.
const eighths = " ▏▎▍▌▋▊▉█"

// levels are blocks that fill a cell from below, in eighths.
const levels = " ▁▂▃▄▅▆▇█"

// barOf is part of whole as a line of blocks, at most so many cells long. What is not
// nothing is never an empty line.
func barOf(part, whole, cells int) string {
	if part <= 0 || whole <= 0 {
		return ""
	}
	n := max(1, part*cells*8/whole)
	bar := strings.Repeat("█", n/8)
	if n%8 > 0 {
		bar += string([]rune(eighths)[n%8])
	}
	return bar
}

// columnsOf are values as columns beside each other, in so many lines from the top.
func columnsOf(values []int, height int) []string {
	most := 0
	for _, n := range values {
		most = max(most, n)
	}
	lines := make([]string, height)
	for row := range lines {
		var b strings.Builder
		for _, n := range values {
			filled := 0
			if n > 0 {
				filled = max(1, n*height*8/most)
			}
			b.WriteRune([]rune(levels)[min(max(filled-(height-1-row)*8, 0), 8)])
		}
		lines[row] = strings.TrimRight(b.String(), " ")
	}
	return lines
}

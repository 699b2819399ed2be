package markup

import (
	"strconv"
	"strings"
)

// Visible shows what cannot be printed as "?". Escaping alone would let a name turn the
// direction of what stands around it (U+202E), and pass for another one.
func Visible(s string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

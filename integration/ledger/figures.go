package ledger

import (
	"fmt"
	"strings"
)

// Table is the figures in Markdown: first what happened, then what must be 0.
func (f Figures) Table() string {
	return table([]cell{
		{"letters", f.Letters},
		{"attempts", f.Attempts},
		{"accepted", f.Accepted},
		{"refused", f.Refused},
		{"deferred", f.Deferred},
		{"abandoned", f.Abandoned},
		{"doubles prevented", f.Prevented},
		{"doubles explained", f.Explained},
		{"files written twice by A", f.Redelivered},
	}) + "\n" + table(f.zeros())
}

// Comment is those that must be 0, for `make verify` to read. It is not seen where
// Markdown is shown.
func (f Figures) Comment() string {
	return fmt.Sprintf("<!-- figures: lost=%d doubled=%d let-in=%d -->\n", f.Lost, f.Needless, f.LetIn)
}

// zeros are the figures that must be 0.
func (f Figures) zeros() []cell {
	return []cell{
		{"lost", f.Lost},
		{"doubled without need", f.Needless},
		{"let in against a refusal", f.LetIn},
		{"damaged", f.Damaged},
		{"misjudged", f.Misjudged},
		{"undecided", f.Undecided},
	}
}

type cell struct {
	name  string
	value int
}

func table(cells []cell) string {
	var names, lines, values strings.Builder
	for _, c := range cells {
		names.WriteString("| " + c.name + " ")
		lines.WriteString("|---:")
		fmt.Fprintf(&values, "| %d ", c.value)
	}
	return names.String() + "|\n" + lines.String() + "|\n" + values.String() + "|\n"
}

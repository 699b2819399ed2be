package milestones

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"proxyfilter/integration/faults"
)

// write makes a new table, after which the test holds by itself. `make faults`.
var rewrite = flag.Bool("rewrite", false, "write integration/FAULTS.md anew")

const table = "../integration/FAULTS.md"

// TestFaults plays the fault matrix. What must hold in every cell is checked in
// every cell; what a cell comes to is compared with the table.
func TestFaults(t *testing.T) {
	var rows []faults.Row
	for _, cell := range faults.Cells() {
		t.Run(cell.String(), func(t *testing.T) {
			if !answeredByA(cell) {
				observe(t, cell, true)
			}
			rows = append(rows, row(cell, observe(t, cell, false)))
		})
	}
	if len(rows) < len(faults.Cells()) {
		return // -run has chosen some
	}
	got := faults.Table(rows)
	if *rewrite {
		if err := os.WriteFile(table, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("integration/FAULTS.md says something else (-) than what was played (+). Is each of these changes wanted? Then run `make faults`.\n%s",
			missing("- ", string(want), got)+missing("+ ", got, string(want)))
	}
}

// answeredByA reports that the fault of P comes while A has the letter. Spam is
// refused before, and what P says then is its next command, in its turn.
func answeredByA(cell faults.Cell) bool {
	return cell.Side == faults.Postfix && cell.Stage == faults.Thinking
}

// missing are the lines of one text that the other one lacks.
func missing(mark, from, in string) string {
	var b strings.Builder
	there := strings.Split(in, "\n")
	for line := range strings.SplitSeq(from, "\n") {
		if !slices.Contains(there, line) {
			b.WriteString(mark + line + "\n")
		}
	}
	return b.String()
}

// row is a cell for the table.
func row(cell faults.Cell, seen observed) faults.Row {
	text := copies(seen.first)
	if seen.retried {
		text += ", then " + copies(seen.second)
	}
	return faults.Row{
		Cells: []faults.Cell{cell}, Hears: seen.heard.String(), After: round(seen.heard.after).String(),
		Record: says(seen.records), Copies: text,
	}
}

// round leaves what a reader can use.
func round(d time.Duration) time.Duration {
	if d > 10*time.Second {
		return d.Round(time.Second)
	}
	return d.Round(100 * time.Millisecond)
}

// copies is one number for both recipients if they agree.
func copies(each [len(recipients)]int) string {
	if each[0] == each[1] {
		return fmt.Sprint(each[0])
	}
	return fmt.Sprintf("%d and %d", each[0], each[1])
}

package faults

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Row is what cells of one side and stage came to, as text.
type Row struct {
	Cells  []Cell
	Hears  string // P
	After  string // the time from P's last words to that
	Record string // action and reason of each
	Copies string // at A
}

func (r Row) same(other Row) bool {
	return r.Cells[0].Side == other.Cells[0].Side && r.Cells[0].Stage == other.Cells[0].Stage &&
		r.Hears == other.Hears && r.After == other.After && r.Record == other.Record && r.Copies == other.Copies
}

// Table is the whole of integration/FAULTS.md, from one row for each cell.
func Table(rows []Row) string {
	var b strings.Builder
	fmt.Fprintf(&b, head, len(rows), len(All())-len(rows))
	for _, side := range Sides() {
		fmt.Fprintf(&b, "\n## %s\n\n%s%s\n", side, side.note(), columns)
		for _, r := range merge(rows, side) {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.Cells[0].Stage, r.faults(), r.Hears, r.After, r.Record, r.Copies)
		}
		fmt.Fprintf(&b, "\nWhat does not exist:\n\n%s", absences(side))
	}
	return b.String()
}

// note is what is different in the section of a side.
func (s Side) note() string {
	if s != Store {
		return ""
	}
	return `Here P hangs up while A has the letter, and the program starts anew. What P hears is
the answer to the next try, which comes into the fault. A store that cannot be opened
is done without, as it is with the default store.path.

`
}

const columns = `| at | what | P hears | after | Record | copies at A |
|---|---|---|---|---|---|`

const head = `# What happens when something goes wrong

Made by ` + "`make faults`" + `; do not edit. Every fault was played at every stage of every
side: %d cells. %d more combinations do not exist; the end of each section says why.
In each cell a letter to two recipients meets the fault. Then all is well again, its
client tries again if it has to, and another letter goes through.

- **at**: the stage. At RCPT it is the second of two recipients.
- **what**: what goes wrong there. Cells of one stage that come to the same share a
  line. Those with a star are also played through real Postfix, whose client must
  hear the same, and where the side is spamd, with the words of a real spamd.
- **P hears**: the reply to the final dot, unless another command stands before it.
  P makes "451 4.3.0 Error: queue file write error" of a connection that ends.
- **after**: from P's last words to that answer.
- **Record**: action and reason, one for each outcome, and why spamd could not
  answer. Without a recipient there is no outcome.
- **copies at A**: after the fault; then, if the client tried again, after that.
  Where the recipients differ there are two numbers. 2 is a copy too many: only A
  knew that it had the message.

Checked in every cell, once with a harmless letter and once with spam: who heard 250
has exactly one copy, and who heard 5xx or sent spam has none; each Record says what
P heard; no reply is 421 or 521, and each refusal of ours has a reference; the answer
to the final dot comes within 95 s, and silence is ended within 310 s; A sees nothing
that it may not see; no connection, goroutine, descriptor or spool file is left.
`

// merge puts the rows of one side together that follow each other and agree.
func merge(rows []Row, side Side) []Row {
	var merged []Row
	for _, r := range rows {
		if r.Cells[0].Side != side {
			continue
		}
		i := slices.IndexFunc(merged, r.same)
		if i < 0 {
			merged = append(merged, Row{slices.Clone(r.Cells), r.Hears, r.After, r.Record, r.Copies})
			continue
		}
		merged[i].Cells = append(merged[i].Cells, r.Cells...)
	}
	return merged
}

func (r Row) faults() string {
	var names []string
	for _, c := range r.Cells {
		name := string(c.Fault)
		if slices.Contains(Real(), c) {
			name += "*"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// absences are the combinations that a side has not, a line for each reason.
func absences(side Side) string {
	var reasons []string
	where := make(map[string][]place)
	for _, fault := range Faults() {
		for _, stage := range side.Stages() {
			why := (Cell{side, stage, fault}).Absent()
			if why == "" {
				continue
			}
			if len(where[why]) == 0 {
				reasons = append(reasons, why)
			}
			where[why] = add(where[why], fault, stage)
		}
	}
	var b strings.Builder
	for _, why := range reasons {
		fmt.Fprintf(&b, "- %s: %s\n", why, places(where[why], len(side.Stages())))
	}
	return b.String()
}

// place is a fault and the stages that lack it.
type place struct {
	faults string
	stages []string
}

func add(to []place, fault Fault, stage Stage) []place {
	if last := len(to) - 1; last >= 0 && to[last].faults == string(fault) {
		to[last].stages = append(to[last].stages, string(stage))
		return to
	}
	return append(to, place{string(fault), []string{string(stage)}})
}

// places prints them, with those together that lack the same stages.
func places(all []place, every int) string {
	var texts []string
	for i := 0; i < len(all); {
		names := []string{all[i].faults}
		j := i + 1
		for ; j < len(all) && slices.Equal(all[j].stages, all[i].stages); j++ {
			names = append(names, all[j].faults)
		}
		text := strings.Join(names, ", ")
		if len(all[i].stages) < every {
			text += " at " + strings.Join(all[i].stages, ", ")
		}
		texts = append(texts, text)
		i = j
	}
	return strings.Join(texts, "; ")
}

// Parse reads the rows of a table again.
func Parse(table string) ([]Row, error) {
	var rows []Row
	var side Side
	for line := range strings.Lines(table) {
		if name, ok := strings.CutPrefix(line, "## "); ok {
			side = Side(strings.TrimSpace(name))
		}
		fields := strings.Split(strings.TrimSpace(line), " | ")
		if len(fields) != 6 || !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| at |") {
			continue
		}
		r := Row{Hears: fields[2], After: fields[3], Record: fields[4], Copies: strings.TrimSuffix(fields[5], " |")}
		for name := range strings.SplitSeq(fields[1], ", ") {
			fault := Fault(strings.TrimSuffix(name, "*"))
			r.Cells = append(r.Cells, Cell{side, Stage(strings.TrimPrefix(fields[0], "| ")), fault})
		}
		rows = append(rows, r)
	}
	if len(rows) == 0 {
		return nil, errors.New("no rows: this is no table of faults")
	}
	return rows, nil
}

// Find is the row of a cell.
func Find(rows []Row, c Cell) (Row, bool) {
	for _, r := range rows {
		if slices.Contains(r.Cells, c) {
			return r, true
		}
	}
	return Row{}, false
}

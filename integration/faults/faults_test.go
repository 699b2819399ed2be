package faults

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryCombinationExistsOrSaysWhyNot(t *testing.T) {
	absent := 0
	for _, c := range All() {
		if c.Absent() != "" {
			absent++
		}
	}
	if got := len(Cells()); got+absent != len(All()) || got < 300 {
		t.Errorf("%d cells and %d absent ones of %d", got, absent, len(All()))
	}
	for _, side := range Sides() {
		for _, stage := range side.Stages() {
			if !slices.ContainsFunc(Cells(), func(c Cell) bool { return c.Side == side && c.Stage == stage }) {
				t.Errorf("nothing can go wrong at %s of %s", stage, side)
			}
		}
	}
}

func TestTheCellsThatArePlayedForRealExist(t *testing.T) {
	real := Real()
	if len(real) < 20 {
		t.Errorf("only %d", len(real))
	}
	for i, c := range real {
		if why := c.Absent(); why != "" || !slices.Contains(All(), c) {
			t.Errorf("%v does not exist: %s", c, why)
		}
		if slices.Contains(real[:i], c) {
			t.Errorf("%v is there twice", c)
		}
	}
}

// A cell whose fault is not put into words would be played without one.
func TestEachCellOfANextHopOrOfSpamdIsAFault(t *testing.T) {
	for _, c := range Cells() {
		switch {
		case c.Stage == Connect || c.Side == Postfix || c.Side == Spool || c.Side == Store:
		case c.Side == Spamd:
			if cmp.Equal(c.Spamd(1), (Cell{Side: Spamd}).Spamd(1)) {
				t.Errorf("%v is as a healthy spamd", c)
			}
		default:
			for stage, f := range c.Hop() {
				f.After, f.Delay, f.Times, f.Take = 0, 0, 0, false
				if cmp.Equal(f, (Cell{Side: Hop}).hopFault()) {
					t.Errorf("%v is no fault at %s", c, stage)
				}
			}
		}
	}
}

func TestATableThatIsReadAgainIsTheSame(t *testing.T) {
	rows := []Row{
		{[]Cell{{Hop, EHLO, Drop}}, "451 4.4.1 no", "0s", "defer hop-lost", "0, then 1"},
		{[]Cell{{Hop, EHLO, Silence}}, "451 4.4.1 no", "5s", "defer hop-lost", "0, then 1"},
		{[]Cell{{Hop, EHLO, Reset}}, "451 4.4.1 no", "0s", "defer hop-lost", "0, then 1"},
		{[]Cell{{Spamd, Body, Drop}}, "451 4.7.1 no", "2.1s", "defer unscanned (broken)", "0, then 1"},
	}
	want := []Row{rows[0], rows[1], rows[3]}
	want[0].Cells = []Cell{{Hop, EHLO, Drop}, {Hop, EHLO, Reset}}
	text := Table(rows)
	got, err := Parse(text)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if !strings.Contains(text, "| drop, RST | 451") {
		t.Errorf("cells that agree do not share a line:\n%s", text)
	}
	if row, ok := Find(got, Cell{Hop, EHLO, Reset}); !ok || row.After != "0s" {
		t.Errorf("found %v, %v", row, ok)
	}
	if _, err := Parse("# nothing\n"); err == nil {
		t.Error("a text without a table is taken for one")
	}
}

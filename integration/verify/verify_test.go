package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	failed := errors.New("exit status 1")
	both := []string{lost, leaked}
	for _, test := range []struct {
		name  string
		holds []string
		out   string
		err   error
		clean bool
		text  string // a part of it
	}{
		{"figures in comments", both, "A table.\n<!-- figures: lost=0 -->\n<!-- figures: leaked=0 -->\n", nil, true, "A table."},
		{"a figure that is not 0", both, "<!-- figures: lost=0 leaked=2 -->", nil, false, ""},
		{"two comments add up", both, "<!-- figures: lost=0 leaked=0 -->\n<!-- figures: lost=1 -->", nil, false, ""},
		{"a figure that is missing", both, "<!-- figures: lost=0 -->", nil, false, ""},
		{"a command that failed although its figures are 0", both, "<!-- figures: lost=0 leaked=0 -->", failed, false, ""},
		{"tests that passed", both, "=== RUN   TestA\n    --- PASS: TestA/b (0.00s)\n--- PASS: TestA (0.00s)\nok\n", nil, true, "2 tests passed."},
		{"a test that failed", both, "    --- FAIL: TestA/b (0.00s)\n--- PASS: TestC (0.00s)\n", failed, false, "FAIL: TestA/b"},
		{"no test was found", both, "testing: warning: no tests to run\nok\n", nil, false, ""},
		{"a command without figures", nil, "done\n", nil, true, "done"},
		{"a command without figures that failed", nil, "crash\n", failed, false, "crash"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := step{title: "x", holds: test.holds}.read(test.out, test.err)
			if got := (report{results: []result{r}}).clean(); got != test.clean {
				t.Errorf("clean: %v, want %v: %+v", got, test.clean, r)
			}
			if !strings.Contains(r.text, test.text) || strings.Contains(r.text, "figures:") {
				t.Errorf("text %q, want %q in it", r.text, test.text)
			}
		})
	}
}

func TestTheReportHasEveryStepAndIsWrittenWhateverFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "VERIFIED.md")
	err := verify(t.Context(), []step{
		{title: "Good", args: []string{"echo", "fine <!-- figures: lost=0 -->"}, holds: []string{lost}},
		{title: "Bad", args: []string{"false"}, holds: []string{smuggled}},
		{title: "Missing", args: []string{"/nonexistent"}},
	}, file, t.Output())
	if err == nil {
		t.Error("nothing was wrong")
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| Good | 0 |  |  |  |  | 0 |\n", "| Bad |  |  |  | ? |  | 1 |\n", "| Missing |  |  |  |  |  | 1 |\n", "## Good\n", "\n\nfine"} {
		if !strings.Contains(string(got), want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestEveryStepSaysWhatItShows(t *testing.T) {
	for _, s := range (scope{kills: 200, minutes: 5}).steps() {
		if s.title == "" || s.about == "" || len(s.args) == 0 {
			t.Errorf("%+v", s)
		}
	}
}

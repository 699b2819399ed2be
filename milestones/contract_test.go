package milestones

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"proxyfilter/integration/dialogue"
)

// contractFile says what Postfix asks of a filter, rule by rule, and which tests
// hold each of them. A test that is renamed has to be renamed there.
const contractFile = "../integration/CONTRACT.md"

// Postfix's rules are 1 to 48, those about the end of data S1 to S9.
const (
	lastRule  = 48
	lastSRule = 9
)

var (
	ruleNumber = regexp.MustCompile(`^\*\*(S?\d+)\.\*\* \S`)
	testName   = regexp.MustCompile("`([^`]+)`")
)

// rule is one paragraph of the contract.
type rule struct {
	number string
	tests  []string // "package: Test", "package: Test: case" and "milestone: file", "milestone: file: case"
}

// rules reads the contract: a rule begins with its number, and its tests stand in
// the paragraph "Tests:" behind it.
func rules(text string) []rule {
	var all []rule
	in := false // a paragraph of tests
	for line := range strings.Lines(text) {
		if match := ruleNumber.FindStringSubmatch(line); match != nil {
			all = append(all, rule{number: match[1]})
		}
		in = in && strings.TrimSpace(line) != "" || strings.HasPrefix(line, "Tests: ")
		if !in || len(all) == 0 {
			continue
		}
		last := &all[len(all)-1]
		for _, match := range testName.FindAllStringSubmatch(line, -1) {
			last.tests = append(last.tests, match[1])
		}
	}
	return all
}

// known is what a contract may name, as it names it: tests, and texts that they
// contain, which the names of their cases are.
func known(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				names[s.pkg+": "+f.Name.Name] = true
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
				if value, err := strconv.Unquote(text.Value); err == nil {
					names[s.pkg+" says "+value] = true
				}
			}
			return true
		})
	}
	scripts, err := dialogue.Load(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		names["milestone: "+s.Name] = !s.Has("planned")
		for _, l := range s.Lines {
			if l.Word == "case" {
				names["milestone: "+s.Name+": "+l.Text] = true
			}
		}
	}
	return names
}

// exists reports whether there is such a test, and in its package such a case.
func exists(names map[string]bool, test string) bool {
	where, rest, _ := strings.Cut(test, ": ")
	name, play, hasCase := strings.Cut(rest, ": ")
	if where == "milestone" {
		return names["milestone: "+name] && names[test]
	}
	return names[where+": "+name] && (!hasCase || names[where+" says "+play])
}

func TestTheContractIsWholeAndItsTestsExist(t *testing.T) {
	text, err := os.ReadFile(contractFile)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for n := range lastRule {
		want = append(want, fmt.Sprint(n+1))
	}
	for n := range lastSRule {
		want = append(want, fmt.Sprintf("S%d", n+1))
	}
	all, names := rules(string(text)), known(t)
	for i, r := range all {
		if i >= len(want) || r.number != want[i] {
			t.Fatalf("the rule in place %d is %s", i+1, r.number)
		}
		if len(r.tests) == 0 {
			t.Errorf("rule %s has no test", r.number)
		}
		for _, test := range r.tests {
			if !exists(names, test) {
				t.Errorf("rule %s: there is no %q", r.number, test)
			}
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d rules, want %d", len(all), len(want))
	}
}

// Without this one the test above might see nothing.
func TestAContractThatNamesWhatIsNotThereIsFound(t *testing.T) {
	names := map[string]bool{"relay: TestFront": true, "relay says a case": true, "milestone: 01-x": true, "milestone: 01-x: a case": true, "milestone: 40-y": false}
	for test, want := range map[string]bool{
		"relay: TestFront": true, "relay: TestFront: a case": true, "milestone: 01-x": true, "milestone: 01-x: a case": true,
		"relay: TestFronts": false, "relay: TestFront: another": false, "filter: TestFront": false, "TestFront": false,
		"milestone: 02-x": false, "milestone: 01-x: another": false, "milestone: 40-y": false, "": false,
	} {
		if got := exists(names, test); got != want {
			t.Errorf("%q exists: %v", test, got)
		}
	}
	got := rules("# x\n**1.** A rule.\nTests: `a: b`,\n`c: d`\n\n`no test`\n\n**S2.** Another.\n")
	if fmt.Sprint(got) != "[{1 [a: b c: d]} {S2 []}]" {
		t.Errorf("read %v", got)
	}
}

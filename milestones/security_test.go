package milestones

import (
	"go/ast"
	"os"
	"regexp"
	"strings"
	"testing"
)

// heldBy is a test that SECURITY.md names.
var heldBy = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*|milestones/[a-z0-9-]+\\.txt)`")

// A promise about security that nothing tests is worse than none.
func TestSecurityNamesTestsThatExist(t *testing.T) {
	page, err := os.ReadFile("../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := make(map[string]bool)
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test && f.Recv == nil {
				tests[f.Name.Name] = true
			}
		}
	}
	rows := 0
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "| ") || strings.HasSuffix(line, "| held by |\n") {
			continue
		}
		rows++
		names := heldBy.FindAllStringSubmatch(line, -1)
		if names == nil {
			t.Errorf("held by nothing: %s", line)
		}
		for _, name := range names {
			if _, err := os.Stat("../" + name[1]); !tests[name[1]] && err != nil {
				t.Errorf("%s does not exist", name[1])
			}
		}
	}
	if rows < 20 {
		t.Errorf("only %d rows: the list is not read", rows)
	}
}

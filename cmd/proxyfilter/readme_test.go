package main

import (
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// leaves are the names of the commands that do something.
func leaves(cmd *cobra.Command) []string {
	if cmd.HasSubCommands() && cmd.Name() != "completion" {
		var all []string
		for _, c := range cmd.Commands() {
			all = append(all, leaves(c)...)
		}
		return all
	}
	if !cmd.Runnable() && cmd.Name() != "completion" || cmd.Name() == "help" || cmd.Hidden {
		return nil
	}
	return []string{strings.TrimPrefix(cmd.CommandPath(), "proxyfilter ")}
}

// readme is one section of README.md.
func readme(t *testing.T, title string) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## "+title+"\n")
	if !found {
		t.Fatalf("README.md has no section %q", title)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

func TestReadmeListsTheCommands(t *testing.T) {
	p := program{stdout: io.Discard, stderr: io.Discard}
	root := p.command()
	root.InitDefaultCompletionCmd()
	want := leaves(root)
	var got []string
	for line := range strings.Lines(readme(t, "Commands")) {
		first, found := strings.CutPrefix(line, "| `")
		if !found {
			continue
		}
		first, _, _ = strings.Cut(first, " | ")
		// A name is what stands in small letters: `journal export ADDRESS`.
		for _, m := range regexp.MustCompile("`?([a-z]+(?: [a-z]+)*)[^`]*`").FindAllStringSubmatch(first, -1) {
			got = append(got, m[1])
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table of commands in README.md (-program +README):\n%s", diff)
	}
}

func TestReadmeGivesAReasonForEachModule(t *testing.T) {
	file, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	section, all := readme(t, "Dependencies"), 0
	for line := range strings.Lines(string(file)) {
		m := regexp.MustCompile(`^\t(\S+?)(?:/v\d+)? v\S+\n$`).FindStringSubmatch(line) // without "// indirect"
		if m == nil {
			continue
		}
		all++
		if !strings.Contains(section, path.Base(m[1])) {
			t.Errorf("no line for %s", m[1])
		}
	}
	if all == 0 {
		t.Error("go.mod has no modules")
	}
}

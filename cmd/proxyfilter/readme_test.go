package main

import (
	"io"
	"os"
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

func TestReadmeListsTheCommands(t *testing.T) {
	p := program{stdout: io.Discard, stderr: io.Discard}
	root := p.command()
	root.InitDefaultCompletionCmd()
	want := leaves(root)
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## Commands\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var got []string
	for line := range strings.Lines(section) {
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

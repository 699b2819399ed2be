package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The example is the reference that administrators have in /etc: each key with its
// default, in a comment, and none that does not exist.
func TestTheExampleHasEveryKeyWithItsDefault(t *testing.T) {
	want := make(map[string]string)
	c := defaults("postfix")
	for _, k := range c.keys() {
		want[k.name] = k.value.String()
	}
	want["policy.mode"] = `"observe"` // the one line that is set
	text, err := os.ReadFile("../../examples/proxyfilter.toml")
	if err != nil {
		t.Fatal(err)
	}
	header, setting := regexp.MustCompile(`^#?\[(.+)\]\s*$`), regexp.MustCompile(`^#?([a-z_]+) = (.*)\n`)
	got, section := make(map[string]string), ""
	for line := range strings.Lines(string(text)) {
		if m := header.FindStringSubmatch(line); m != nil {
			section = m[1] + "."
		} else if m := setting.FindStringSubmatch(line); m != nil && !strings.HasPrefix(section, "listeners.") {
			got[section+m[1]] = m[2]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("examples/proxyfilter.toml (-defaults +example):\n%s", diff)
	}
}

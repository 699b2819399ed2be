//go:build integration

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"proxyfilter/integration/rig"
)

func TestTheExampleConfigurationIsRightAndItsCommentsShowTheDefaults(t *testing.T) {
	binary, err := ours.binary()
	if err != nil {
		t.Fatal(err)
	}
	file := example(t, "proxyfilter.toml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	uncommented := filepath.Join(t.TempDir(), "uncommented.toml")
	if err := os.WriteFile(uncommented, []byte(rig.Uncomment(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(file string) string {
		out, err := exec.CommandContext(within(t), binary, "check", "-c", file, "-o", "log.format=postfix").Output()
		if err != nil {
			t.Errorf("check %s: %v", file, err)
		}
		// Each line says where the value comes from, which is not compared.
		return regexp.MustCompile(`(?m)\s*# .*$`).ReplaceAllString(string(out), "")
	}
	as, full := check(file), check(uncommented)
	if full, as := withoutSection(full, "listeners.submission"), withoutSection(as, "listeners.submission"); full != as {
		t.Errorf("a comment shows what is not the default. As it is:\n%s\nwithout comment signs:\n%s", as, full)
	}
}

func TestPostfixFindsNothingWrongWithTheExamples(t *testing.T) {
	// Start refuses a configuration with warnings; this says it again where one
	// would look for it.
	for _, xclient := range []bool{false, true} {
		s := alone(t, rig.Options{Postfix: rig.PostfixOptions{XClient: xclient}})
		if out, err := s.Postfix.Check(); err != nil || out != "" {
			t.Errorf("postfix check: %v: %s", err, out)
		}
		found, err := s.Postfix.Logged(within(t), `(warning|error|fatal|panic):`)
		if err != nil || len(found) > 0 {
			t.Errorf("postfix logs %q, %v", found, err)
		}
		if found := s.Spamd.Log.All(0, ` warn: `); len(found) > 0 {
			t.Errorf("spamd logs %q", found)
		}
	}
}

// withoutSection takes one table out of a printed configuration.
func withoutSection(toml, name string) string {
	section := regexp.MustCompile(`(?ms)^\[` + regexp.QuoteMeta(name) + `\]\n.*?(^\[|\z)`)
	return section.ReplaceAllString(toml, "$1")
}

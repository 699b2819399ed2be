package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-multierror"
)

// write makes a configuration file in a directory of the test.
func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "proxyfilter.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func lines(err error) string {
	if err == nil {
		return ""
	}
	return err.Error() + "\n"
}

func TestBrokenConfigurationsFailForTheRightReason(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.toml")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d broken configurations: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			_, err := load(sources{file: file, required: true})
			got := strings.ReplaceAll(lines(err), "testdata/broken/", "")
			wantFile := strings.TrimSuffix(file, ".toml") + ".want"
			if os.Getenv("UPDATE_TESTDATA") != "" { // look at the difference before it is kept

				if err := os.WriteFile(wantFile, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wantFile)
			if err != nil {
				t.Fatal(err)
			}
			if got == "" {
				t.Error("it was accepted")
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAllProblemsOfOneFileAreToldAtOnceWithTheirLines(t *testing.T) {
	_, err := load(sources{file: "testdata/broken/five-problems.toml", required: true})
	var all *multierror.Error
	if !errors.As(err, &all) {
		t.Fatalf("got %T", err)
	}
	var at []int
	for _, e := range all.Errors {
		var p problem
		if errors.As(e, &p) {
			at = append(at, p.at.line)
		}
	}
	if diff := cmp.Diff([]int{2, 3, 6, 7, 11}, at); diff != "" {
		t.Errorf("lines (-want +got):\n%s\n%v", diff, err)
	}
}

func TestDefaultsServe(t *testing.T) {
	c, err := load(sources{file: filepath.Join(t.TempDir(), "missing.toml")})
	if err != nil || len(c.warnings) > 0 {
		t.Errorf("the defaults have errors %v, warnings %v", err, c.warnings)
	}
	if c.file != "" {
		t.Errorf("file %q", c.file)
	}
}

func TestFileThatWasNamedMustExist(t *testing.T) {
	file := filepath.Join(t.TempDir(), "missing.toml")
	_, err := load(sources{file: file, required: true})
	if want := file + ": no such file or directory\n"; lines(err) != want {
		t.Errorf("got %q, want %q", lines(err), want)
	}
}

func TestLaterPlacesOverruleEarlierOnes(t *testing.T) {
	file := write(t, "[spamd]\nslots = 5\n")
	for _, test := range []struct {
		name    string
		sources sources
		slots   int
		origin  string
	}{
		{"the default when nothing is said", sources{file: "/nonexistent"}, 4, "default"},
		{"the file before the default", sources{file: file}, 5, file + ":2"},
		{"the environment before the file", sources{file: file, environ: []string{"PROXYFILTER_SPAMD_SLOTS=6"}}, 6, "PROXYFILTER_SPAMD_SLOTS"},
		{
			"the command line before the environment",
			sources{file: file, environ: []string{"PROXYFILTER_SPAMD_SLOTS=6"}, options: []string{"spamd.slots=7", "spamd.slots=8"}},
			8, "-o spamd.slots=8",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := load(test.sources)
			if err != nil {
				t.Fatal(err)
			}
			if c.Spamd.Slots != test.slots || c.origins["spamd.slots"].String() != test.origin {
				t.Errorf("got %d from %s, want %d from %s", c.Spamd.Slots, c.origins["spamd.slots"], test.slots, test.origin)
			}
		})
	}
}

func TestEveryKeyCanBeSetEverywhere(t *testing.T) {
	c := defaults(defaultFormat(nil))
	for _, k := range c.keys() {
		t.Run(k.name, func(t *testing.T) {
			if k.doc == "" || k.value.allowed() == "" {
				t.Error("it says nothing about itself")
			}
			file := write(t, "["+k.section()+"]\n"+k.last()+" = "+k.value.String()+"\n")
			word := strings.Trim(strings.ReplaceAll(strings.Trim(k.value.String(), "[]"), `", "`, ","), `"`)
			if word == "" && strings.HasPrefix(k.value.String(), "[") {
				word = noItems
			}
			for _, s := range []sources{
				{file: file, required: true},
				{environ: []string{k.variable() + "=" + word}},
				{options: []string{k.name + "=" + word}},
			} {
				got, err := load(s)
				if err != nil {
					t.Fatal(err)
				}
				if _, set := got.origins[k.name]; !set || len(got.origins) != 1 {
					t.Errorf("%+v set %v", s, got.origins)
				}
				if live, restart := changed(&c, &got.config); len(live)+len(restart) > 0 {
					t.Errorf("%+v changed %v %v", s, live, restart)
				}
			}
		})
	}
}

func TestPrintedConfigurationReadsBackAsItself(t *testing.T) {
	file := write(t, `
[server]
listen = ["127.0.0.1:10024", "unix:/run/p.sock,mode=0660,group=postfix", "systemd:smtp"]
hostname = "mx.example.org"
max_message = "50MB"
[listeners.submission]
listen = ["[::1]:10026"]
next_hop = "unix:/run/q.sock"
policy = "own"
[policy]
tag_at = 6.5
reject_at = "never"
blind_limit = "4h"
contact = "; see \"https://example.org/{id}\""
[status]
listen = "0.0.0.0:10088 insecure"
[spamd]
servers = []
`)
	first, err := load(sources{file: file, required: true, options: []string{"budget.memory=1GB"}})
	if err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	first.print(&printed)
	if want := fmt.Sprintf("hostname = \"mx.example.org\"  # %s:4\n", file); !strings.Contains(printed.String(), want) {
		t.Errorf("%q is missing in\n%s", want, printed.String())
	}
	second, err := load(sources{file: write(t, printed.String()), required: true})
	if err != nil {
		t.Fatal(err)
	}
	if live, restart := changed(&first.config, &second.config); len(live)+len(restart) > 0 {
		t.Errorf("changed: %v %v", live, restart)
	}
	if first.fingerprint() != second.fingerprint() {
		t.Error("the fingerprint differs")
	}
}

func TestExampleIsValid(t *testing.T) {
	c, err := load(sources{file: "../../examples/proxyfilter.toml", required: true})
	if err != nil {
		t.Fatal(err)
	}
	if c.Policy.Mode != "observe" {
		t.Errorf("mode is %q", c.Policy.Mode)
	}
}

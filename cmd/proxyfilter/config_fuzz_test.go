package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-multierror"
)

// FuzzConfig: a file and an option either make a configuration, whose print makes
// the same one again, or are refused with problems of one line each, on lines that
// the file has.
func FuzzConfig(f *testing.F) {
	examples, err := filepath.Glob("testdata/broken/*.toml")
	if err != nil || len(examples) == 0 {
		f.Fatal("no examples", err)
	}
	for _, name := range append(examples, "../../examples/proxyfilter.toml") {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, "spamd.slots=10")
	}
	f.Add([]byte("[listeners.a-b]\nlisten = [\"127.0.0.1:1\"]\nnext_hop = \"[::1]:26\"\n[policies.own]\nreject_at = 1e3\n"), "policy.contact=\"# x")
	f.Add([]byte("[spamd]\nservers = []\nuser = \"\\u0001{recipient}\"\n[server]\nallow = [\"10.0.0.0/8\"]\n"), "budget.spool_dir= /x\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte, option string) {
		file, again := filepath.Join(dir, "config.toml"), filepath.Join(dir, "again.toml")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := load(sources{file: file, required: true, options: []string{option}})
		if err != nil {
			checkProblems(t, err, file, 1+bytes.Count(text, []byte("\n")))
			return
		}
		var printed bytes.Buffer
		c.print(&printed)
		if err := os.WriteFile(again, printed.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		same, err := load(sources{file: again, required: true})
		if err != nil {
			t.Fatalf("printed, it is refused: %v\n%s", err, printed.Bytes())
		}
		if live, restart := changed(&c.config, &same.config); len(live)+len(restart) > 0 {
			t.Fatalf("printed, %v and %v differ\n%s", live, restart, printed.Bytes())
		}
	})
}

// checkProblems wants one line for each problem, and places in the file.
func checkProblems(t *testing.T, err error, file string, last int) {
	t.Helper()
	var all *multierror.Error
	if !errors.As(err, &all) || len(all.Errors) == 0 {
		t.Fatalf("%T is no list of problems: %v", err, err)
	}
	for _, e := range all.Errors {
		var p problem
		switch {
		case !errors.As(e, &p):
			t.Fatalf("%T is no problem: %v", e, e)
		case strings.ContainsAny(p.Error(), "\r\n\x1b\x00"):
			t.Fatalf("not one line of text: %q", p.Error())
		case p.at.name == file && p.at.line > last:
			t.Fatalf("line %d of %d: %v", p.at.line, last, p)
		}
	}
}

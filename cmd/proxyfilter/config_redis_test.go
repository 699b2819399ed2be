package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// password is one that stands out.
const password = "s3cretm4rker"

// shown is everything that is shown of a configuration, whether it is good or bad.
func shown(file string, environ, options []string) string {
	var all strings.Builder
	for _, command := range []string{"check", "check --json", "check --explain a@example.org", "explain nothing"} {
		args := append(strings.Fields(command), "-c", file)
		for _, o := range options {
			args = append(args, "-o", o)
		}
		run(args, program{stdin: strings.NewReader(""), stdout: &all, stderr: &all, environ: environ})
	}
	return all.String()
}

func TestAPasswordIsNeverShown(t *testing.T) {
	const url = "redis://:" + password + "@127.0.0.1:6379/0"
	for name, c := range map[string]struct {
		file             string
		environ, options []string
	}{
		"in the file":                {file: "[store]\nkind = \"redis\"\nurl = \"" + url + "\"\n"},
		"of the wrong kind":          {file: "[store]\nurl = \"" + url + "\"\n"},
		"in a list":                  {file: "[store]\nkind = \"redis\"\nurl = [\"" + url + "\"]\n"},
		"without quotation marks":    {file: "[store]\nkind = \"redis\"\nurl = " + url + "\n"},
		"without an end":             {file: "[store]\nkind = \"redis\"\nurl = \"" + url + "\n"},
		"not escaped":                {file: "[store]\nkind = \"redis\"\nurl = \"redis://:a/" + password + "@host\"\n"},
		"twice":                      {file: "[store]\nkind = \"redis\"\nurl = \"" + url + "\"\nurl = \"" + url + "\"\n"},
		"as the name of its file":    {file: "[store]\nkind = \"redis\"\nurl_file = \"" + url + "\"\n"},
		"in the environment":         {environ: []string{"PROXYFILTER_STORE_KIND=redis", "PROXYFILTER_STORE_URL=" + url}},
		"of no scheme":               {environ: []string{"PROXYFILTER_STORE_KIND=redis", "PROXYFILTER_STORE_URL=:" + password + "@host"}},
		"on the command line":        {options: []string{"store.kind=redis", "store.url=" + url}},
		"of a key that is misspelt":  {options: []string{"store.ulr=" + url}},
		"without a key":              {options: []string{url, url + "?db=0"}},
		"wrong, on the command line": {options: []string{"store.kind=redis", "store.url=redis://:" + password + "@a@b:x"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := shown(write(t, c.file), c.environ, c.options)
			if got == "" || strings.Contains(got, password) {
				t.Error(got)
			}
		})
	}
}

func TestAPasswordInAFileOfItsOwn(t *testing.T) {
	file := write(t, "[store]\nkind = \"redis\"\nurl_file = \"redis.url\"\n")
	url := filepath.Join(filepath.Dir(file), "redis.url")
	save := func(text string, mode os.FileMode) {
		if err := os.WriteFile(url, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	save("redis://:"+password+"@127.0.0.1/3\n", 0o640)
	before, err := load(sources{file: file, required: true})
	if s := before.Store.server(); err != nil || s.Password != password || s.DB != 3 || s.Address != "127.0.0.1:6379" || before.Store.Path != "" || len(before.warnings) > 0 {
		t.Fatalf("%v, %v", err, before.warnings)
	}
	var printed strings.Builder
	before.print(&printed)
	if strings.Contains(printed.String(), password) || !strings.Contains(printed.String(), `url_file = "redis.url"`) {
		t.Error(printed.String())
	}
	save("redis://:other@10.0.0.7\n", 0o640)
	if err := os.Chmod(url, 0o644); err != nil {
		t.Fatal(err)
	}
	after, err := load(sources{file: file, required: true})
	if err != nil || len(after.warnings) != 2 {
		t.Errorf("%v, %v", after.warnings, err)
	}
	if _, restart := changed(&before.config, &after.config); len(restart) != 1 || restart[0] != "store.url_file" {
		t.Errorf("a reload sees %v", restart)
	}
	// A digest of it would be a way to guess it, and hosts may have one each.
	if before.fingerprint() != after.fingerprint() {
		t.Error("the password is in the fingerprint")
	}
}

func TestWithoutPassword(t *testing.T) {
	for text, want := range map[string]string{
		"store.url=redis://:x@h/0":      "store.url=redis://***@h/0",
		"redis://u:x@y@h?db=0":          "redis://***@h?db=0",
		"redis://h/0":                   "redis://h/0",
		"lists.accept_senders=a@b":      "lists.accept_senders=a@b",
		"a@b://c":                       "a@b://c",
		"policy.contact=see http://a/b": "policy.contact=see http://a/b",
	} {
		if got := withoutPassword(text); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

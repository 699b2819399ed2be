package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"proxyfilter/filter/journal"
	"proxyfilter/integration/rig"
)

// aged is the journal as the next days leave it: rotated and compressed, and then
// without addresses. It returns when the file of that ending is there.
func aged(t *testing.T, c journal.Config, ending string) {
	t.Helper()
	j, err := journal.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close(time.Minute)
	rig.Eventually(t, "no *.jsonl and a *"+ending, func() bool {
		gone, _ := filepath.Glob(filepath.Join(c.Dir, "*.jsonl"))
		there, _ := filepath.Glob(filepath.Join(c.Dir, "*"+ending))
		return len(gone) == 0 && len(there) > 0
	})
}

// Three messages: one refused, one handed on, and the newest, which nobody asks for
// by name.
func TestAMessageIsFoundByAllItsNamesAtAnyAge(t *testing.T) {
	s := openWith(t, scoring(), "")
	refused := s.speak(t, letter(spam)...)
	passed := s.speak(t, "MAIL FROM:<dave@example.com>", "RCPT TO:<bob@example.net>", "DATA", "Message-ID: <2@example.com>\r\n\r\nscore=1.0\r\n.")
	newest := s.speak(t, "MAIL FROM:<eve@example.com>", "RCPT TO:<bob@example.net>", "DATA", "\r\nscore=32.0\r\n.")
	s.stop(t)
	queued := regexp.MustCompile(`queued as (\w+)`).FindStringSubmatch(passed[3])
	told, last := reference.FindStringSubmatch(refused[3]), reference.FindStringSubmatch(newest[3])
	if queued == nil || told == nil || last == nil {
		t.Fatal(refused, passed, newest)
	}
	config := journal.Config{Dir: s.config.Journal.Dir, SegmentSize: 1}
	hashed := config
	hashed.KeepAddresses = time.Nanosecond
	for _, age := range []struct {
		name string
		pass func()
	}{
		{"as it is written", func() {}},
		{"rotated and compressed", func() { aged(t, config, ".1.jsonl.gz") }},
		{"without addresses", func() { aged(t, hashed, ".hashed.jsonl.gz") }},
	} {
		age.pass()
		for what, want := range map[string]string{
			told[1]: told[1] + ": refused", strings.ToLower(told[1]): told[1] + ": refused",
			queued[1]: "queue id", "<1@example.org>": told[1] + ": refused", "1@example.org": told[1] + ": refused",
			"<2@example.com>": "queue id", "carol@example.org": told[1] + ": refused", "Dave@Example.com": "queue id",
			"bob@example.net": last[1], "--last": last[1] + ": refused",
		} {
			code, story, errs := called("", "explain", what, "-o", "journal.dir="+config.Dir)
			if code != 0 || !strings.Contains(story, want) {
				t.Errorf("%s, %s: exit code %d, %q is missing in\n%s%s", age.name, what, code, want, story, errs)
			}
		}
	}
}

func TestWhatNamesNothingFindsNothing(t *testing.T) {
	args := stored(t, aRecord())
	for _, what := range []string{"", " ", "<>", "<@>", "@", "4Q", "BAYES_99"} {
		code, story, errs := called("", append([]string{"explain", what}, args...)...)
		if code == 0 || story != "" || errs == "" {
			t.Errorf("%q: exit code %d, %s%s", what, code, story, errs)
		}
	}
}

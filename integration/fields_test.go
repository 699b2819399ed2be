//go:build integration

package integration

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"proxyfilter/integration/rig"
)

// sieve is what a delivery agent tests, after unfolding (RFC 5228 5.7). The second is
// the rule of SpamAssassin's own manual.
var sieve = map[string]*regexp.Regexp{
	"X-Spam-Flag":   regexp.MustCompile(`^YES$`),
	"X-Spam-Level":  regexp.MustCompile(`^\*{50}$`),
	"X-Spam-Status": regexp.MustCompile(`^Yes, score=(?:999|1\d\d\d)\.\d required=\d+\.\d tests=(?:[A-Z0-9_]+,\s?)*GTUBE(?:,\s?[A-Z0-9_]+)* autolearn=\w+ version=\S+ ref=[0-9A-Z]{12}$`),
}

// unfolded are the bodies of a delivered message's fields of that name.
func unfolded(m rig.Mail, name string) (all []string) {
	header, _, _ := bytes.Cut(m.Raw, []byte("\n\n"))
	text := regexp.MustCompile(`\n([ \t])`).ReplaceAllString(string(header), "$1")
	for line := range strings.Lines(text) {
		if field, value, found := strings.Cut(strings.TrimSuffix(line, "\n"), ":"); found && strings.EqualFold(field, name) {
			all = append(all, strings.TrimSpace(value))
		}
	}
	return all
}

func TestWhatUsersRulesLookAtIsWhatSpamAssassinWrites(t *testing.T) {
	s := own(t, rig.Options{Filter: rig.FilterOptions{Set: []string{"server.authserv_id=mx.fields.example"}, Sections: fieldsPolicy}})
	for way, front := range fronts(s) {
		t.Run(way, func(t *testing.T) {
			content := message(uniqueID(t), gtube+"\r\n")
			lies := "X-Our-Score: -100\r\nAuthentication-Results: mx.fields.example;\r\n\tdkim=pass header.d=bank.example\r\n" +
				"Authentication-Results: other.example; dkim=pass\r\n"
			reply := visit{content: append([]byte(lies), content...)}.deliver(t, front)
			mails, err := s.Postfix.Delivered(within(t), queueID(t, reply.String()))
			if err != nil || len(mails) != 1 {
				t.Fatal(len(mails), err)
			}
			m := mails[0]
			for name, rule := range sieve {
				if got := unfolded(m, name); len(got) != 1 || !rule.MatchString(got[0]) {
					t.Errorf("%s: %q does not match %s", name, got, rule)
				}
			}
			for line := range bytes.Lines(m.Raw) {
				if len(line) > 80 && bytes.HasPrefix(line, []byte("X-Spam-")) {
					t.Errorf("not folded: %s", line)
				}
			}
			for name, want := range map[string][]string{
				"Authentication-Results":   {"other.example; dkim=pass"},
				"Precedence":               {"junk"},
				"X-Auto-Response-Suppress": {"OOF, AutoReply"},
				"Subject":                  {"[SPAM] Lunch"},
			} {
				if got := unfolded(m, name); !slices.Equal(got, want) {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if got := unfolded(m, "X-Our-Score"); !slices.Equal(got, unfolded(m, "X-Spam-Score")) {
				t.Errorf("X-Our-Score: %q", got)
			}
		})
	}
}

const fieldsPolicy = `
[policies.fields]
recipients = ["example.net"]
reject_at = "never"
fields = ["X-Our-Score: {score}"]
silence_autoresponders = true
subject_prefix = "[SPAM]"
`

func TestThePanicFileStopsRefusalsThroughPostfix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "panic")
	s := own(t, rig.Options{Filter: rig.FilterOptions{Set: []string{"policy.panic_file=" + path}}})
	for way, front := range fronts(s) {
		t.Run(way, func(t *testing.T) {
			told := func(want string) {
				t.Helper()
				if reply := (visit{content: message(uniqueID(t), gtube+"\r\n")}).deliver(t, front); !strings.HasPrefix(reply.String(), want) {
					t.Errorf("told %s, want %s", reply, want)
				}
			}
			change := func(word, log string) {
				t.Helper()
				mark := s.Filter.Log.Mark()
				if err := os.WriteFile(path, []byte(word), 0o644); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Filter.Log.Wait(within(t), mark, log); err != nil {
					t.Fatal(err)
				}
			}
			told("550 5.7.1")
			change("", "PANIC: .*instead=defer")
			told("451 4.7.0")
			change("tag", "PANIC: .*instead=tag")
			told("250 2.0.0")
			mark := s.Filter.Log.Mark()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Filter.Log.Wait(within(t), mark, "refusals are in force again"); err != nil {
				t.Fatal(err)
			}
			told("550 5.7.1")
		})
	}
}

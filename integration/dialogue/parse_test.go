package dialogue

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample has every word once at least.
const sample = `# 42 A promise in plain words.
#
# And why it matters.
hermetic
real
config policy.reject_text "No (ref {id})"
spamd scores 12.5
spamd hangs once
spamd waits 10s
hop at RCPT 2 replies "550 5.1.1 no such user" once
hop at {STAGE} waits 3s drips 1s drops keeps
hop announces PIPELINING "SIZE 100"
hop away
store works
each STAGE dot "RCPT 2"

ready
# a comment in the middle
C: Subject:  two blanks
C:
C: raw "a\r\n\x00\xff{STAGE}"
C: <4096 bytes>
C: <51 of "Received: x\r\n">
C2: EHLO two
S2: 250 * | 250 SMTPUTF8
S: 451 4.7.1 (ref {id})
S: closed
S: silence
at 45s
within 1m0s
wait 20s
hangup
half-close 2
reset 3
greeted 4
enveloped 5
stop
stopped
restart
delivered nothing
delivered once
delivered 3
delivered untouched
delivered content "x\r\n"
delivered field "X-Spam-Flag: YES"
delivered no field X-Spam-Report
delivered sender "<a@b> SIZE=3"
delivered recipients <c@d> <e@f>
hop saw "RCPT TO:<c@d>"
hop never saw QUIT
hop connections 1
spamd scans 2
record action=defer reply="451 4.7.1 *" recipient=""
crowd 8
crowd hears 250
record 8 times action=accept
case one
C: one
case two of them
C: two
`

func TestParseThenPrintIsTheSameText(t *testing.T) {
	s, err := Parse("42-sample", sample)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample, s.String()); diff != "" {
		t.Error(diff)
	}
	if got, want := s.Promise(), "42 A promise in plain words."; got != want {
		t.Errorf("promise %q, want %q", got, want)
	}
	if !s.Has("real") || s.Has("planned") {
		t.Error("the marks are wrong")
	}
}

func TestCasesMultiply(t *testing.T) {
	s, err := Parse("42-sample", sample)
	if err != nil {
		t.Fatal(err)
	}
	cases, err := s.Cases()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range cases {
		names = append(names, c.Name)
	}
	want := []string{"one dot", "one RCPT 2", "two of them dot", "two of them RCPT 2"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	faults := cases[1].Setup.Faults
	if len(faults) != 2 || faults[1].Stage != "RCPT" || faults[1].Nth != 2 || !faults[1].Keep {
		t.Errorf("faults %+v", faults)
	}
	if got := cases[1].Steps[3].Text; got != `raw "a\r\n\x00\xffRCPT 2"` {
		t.Errorf("raw text %s", got)
	}
	if last := cases[2].Steps[len(cases[2].Steps)-1]; last.Text != "two" {
		t.Errorf("last step %v", last)
	}
}

func TestParseErrorsNameTheLine(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"no promise":               {"hermetic\n", `x:1: the first line must be a comment that says the promise`},
		"no mark":                  {"# p\n", `x: says neither hermetic, nor real, nor planned`},
		"an unknown word":          {"# p\nhermetic\nfrobnicate\n", `x:3: unknown word "frobnicate"`},
		"an unknown fault":         {"# p\nhermetic\nhop at dot explodes\n", `x:3: hop at dot: unknown word, or no value after it: "explodes"`},
		"an unknown stage":         {"# p\nhermetic\nhop at lunch drops\n", `x:3: hop at "lunch": want one of greeting, EHLO`},
		"an unknown habit":         {"# p\nhermetic\nspamd sleeps\n", `x:3: spamd "sleeps": unknown word`},
		"an unknown delivery":      {"# p\nhermetic\ndelivered twice\n", `x:3: delivered "twice": unknown word`},
		"a score without a number": {"# p\nhermetic\nspamd scores\n", `x:3: spamd scores: how much?`},
		"a bad duration":           {"# p\nhermetic\nat noon\n", `x:3: "noon" is not a duration such as 20s`},
		"a bad client":             {"# p\nhermetic\nC0: x\n", `x:3: client "0": want a number from 1`},
		"raw without quotes":       {"# p\nhermetic\nC: raw x\n", `x:3: raw x: want a quoted string`},
		"bulk without a number":    {"# p\nhermetic\nC: <many bytes>\n", `x:3: "many" is not a number of at most 67108864`},
		"bulk without bound":       {"# p\nhermetic\nC: <50000000 of \"ab\">\n", `x:3: <50000000 of "ab"> is more than 67108864 bytes`},
		"nothing expected":         {"# p\nhermetic\nS:\n", `x:3: no text to expect`},
		"a control character":      {"# p\nhermetic\nC: a\tb\n", `x:3: control character '\t': write it as an escape in C: raw`},
		"bytes that are no text":   {"# p\nhermetic\nC: \xff\n", `x:3: not UTF-8: write other bytes as escapes in C: raw`},
		"an open quote":            {"# p\nhermetic\nhop saw \"x\n", `x:3: a quoted string does not end, or has a bad escape`},
		"a name that nothing sets": {"# p\nhermetic\nat {TIME}\n", `x:3: nothing replaces {TIME}`},
		"a record without a key":   {"# p\nhermetic\nrecord defer\n", `x:3: record "defer": want key=value`},
		"a key without a section":  {"# p\nhermetic\nconfig slots 4\n", `x:3: config "slots": want section.key`},
		"a case without a name":    {"# p\nhermetic\ncase \n", `x:3: unknown word "case"`},
		"too many words":           {"# p\nhermetic\nstop it\n", `x:3: stop with 1 words after it; want 0 to 0`},
		"a store of another kind":  {"# p\nhermetic\nstore forgets\n", `x:3: store "forgets": want works, fails or hangs`},
		"a store without a word":   {"# p\nhermetic\nstore\n", `x:3: store with 0 words after it; want 1 to 1`},
		"cases without end":        {"# p\nhermetic\n" + strings.Repeat("each A 1 2 3 4 5 6 7 8 9 10\n", 4), `x: more than 1000 cases`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("x", tc.text)
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

func FuzzParsePrint(f *testing.F) {
	f.Add(sample)
	for _, line := range strings.Split(sample, "\n") {
		f.Add("# p\nhermetic\n" + line)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse("x", text)
		if err != nil {
			return
		}
		again, err := Parse("x", s.String())
		if err != nil {
			t.Fatalf("%v\nprinted:\n%s", err, s)
		}
		if diff := cmp.Diff(s, again); diff != "" {
			t.Fatalf("printed:\n%s\n%s", s, diff)
		}
	})
}

func TestMatcher(t *testing.T) {
	var m matcher
	for _, tc := range []struct {
		pattern, text string
		want          bool
	}{
		{"250", "250 Ok", true},
		{"250 Ok", "250", false},
		{"250 * Ok", "250 2.0.0 | 250 Ok", true},
		{"a.c", "abc", false},
		{"ref {id}", "ref 1JD3K8M7Q2XA", true},
		{"again {id}", "again 1JD3K8M7Q2XA", true},
		{"another {id}", "another 1JD3K8M7Q2XB", false},
		{"another {id2}", "another 1JD3K8M7Q2XB", true},
		{"ref {id3}", "ref 1JD3K8M7Q2XU", false},
	} {
		if got := m.begins(tc.pattern, tc.text); got != tc.want {
			t.Errorf("%q, %q: got %v, want %v", tc.pattern, tc.text, got, tc.want)
		}
	}
	if m.equals("250", "250 Ok") || !m.equals("250*", "250 Ok") {
		t.Error("equals must look at the whole text")
	}
}

func TestBulkHasItsSizeAndEndsALine(t *testing.T) {
	for n := 0; n < 300; n++ {
		b := lines(n)
		if len(b) != n || (n >= 2 && string(b[n-2:]) != "\r\n") || strings.Contains(strings.ReplaceAll(string(b), "\r\n", ""), "\r") {
			t.Fatalf("%d: %q", n, b)
		}
	}
}

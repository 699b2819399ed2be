package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"proxyfilter/filter"
	"proxyfilter/filter/review"
)

func TestReportCountsWhatIsInTheJournal(t *testing.T) {
	args := append(stored(t, scored(1, 2, 6, 7.5, 12)...), "report", "--json")
	code, out, told := called("", args...)
	var s review.Summary
	if err := json.Unmarshal([]byte(out), &s); err != nil || code != exitFine {
		t.Fatalf("exit %d, %v, %s\n%s", code, err, told, out)
	}
	got := map[filter.Action]int{}
	for _, o := range s.Outcomes {
		got[o.Action] += o.Count
	}
	if s.Records != 5 || got[filter.Accept] != 2 || got[filter.Tag] != 2 || got[filter.Reject] != 1 || len(s.Columns) < 24 {
		t.Errorf("got %+v", s)
	}
}

func TestAPageIsItsOwnersAlone(t *testing.T) {
	args := append(stored(t, scored(1, 12)...), "report")
	file := filepath.Join(t.TempDir(), "report.html")
	code, out, told := called("", append(args, "--html", file)...)
	if code != exitFine || out != "" {
		t.Fatalf("exit %d, %q, %s", code, out, told)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	page, err := os.ReadFile(file)
	if err != nil || !strings.HasSuffix(string(page), "</html>\n") {
		t.Errorf("%v\n%s", err, page)
	}
	if code, out, _ = called("", append(args, "--html", "-")...); code != exitFine || !strings.HasPrefix(out, "<!DOCTYPE html>") {
		t.Errorf("exit %d\n%s", code, out)
	}
}

func TestReportTellsWhyNot(t *testing.T) {
	args := append(stored(t, scored(1)...), "report")
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"nothing of that time", append(args, "--until", "12h"), exitNo, "proxyfilter: the journal has nothing from "},
		{"no time", append(args, "--until", "tomorrow"), exitUsage, `proxyfilter: --until: "tomorrow" is not a time`},
		{"two forms at once", append(args, "--json", "--html", "x"), exitUsage, "[html json]"},
		{"a file that cannot be written", append(args, "--html", "/nonexistent/x"), exitTemporary, "proxyfilter: report: open /nonexistent/x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, out, told := called("", test.args...)
			if code != test.code || out != "" || !strings.Contains(told, test.want) {
				t.Errorf("exit %d, want %d; printed %q; told %q, want %q", code, test.code, out, told, test.want)
			}
		})
	}
}

// aSummary has everything that is printed.
func aSummary() review.Summary {
	begun := time.Date(2026, 11, 25, 6, 0, 0, 0, time.Local)
	s := review.Summary{
		From: begun, Until: begun.Add(24 * time.Hour), Records: 1200, Hashed: 12, Observed: 3, Step: 3600,
		Outcomes: []review.Outcomes{
			{Action: filter.Accept, Reason: filter.Clean, Count: 900},
			{Action: filter.Reject, Reason: filter.Score, Count: 200},
			{Action: filter.Tag, Reason: filter.Score, Count: 90},
			{Action: filter.Defer, Reason: filter.Unscanned, Count: 9},
			{Action: filter.Reject, Reason: filter.Advice, Count: 1},
		},
		Wanted: []review.Known{{How: filter.ByUser, Count: 150}, {How: review.ByCorrespondent, Count: 40}},
		Limits: []review.Limits{{TagAt: 5, RejectAt: 10, Count: 1190}},
		Others: []review.Otherwise{
			{RejectAt: 7.5, More: 31, MoreWanted: 2}, {RejectAt: 9}, {RejectAt: 11, Less: 20}, {RejectAt: 12, More: 1, Less: 35, LessWanted: 1},
		},
		Rules:   []review.Ranked{{Key: "BAYES_99", Count: 250, Refused: 190}, {Key: "HTML_MESSAGE", Count: 180, Over: 3, Refused: 7}},
		Clients: []review.Ranked{{Key: "2001:db8:1::/64", Count: 60, Refused: 60}},
		To:      []review.Ranked{{Key: "a.very.long.address.that.does.not.fit.its.column@subdomain.example.net", Count: 77, Refused: 12}, {Key: "evil\x1b[2J@example.net", Count: 1}},
		Slowest: []review.Slow{{Reference: "1JD3K8M7Q2XA", Time: begun.Add(time.Hour), Scanned: 12.345, Size: 70000}},
		Scanned: review.Quantiles{Half: 0.31, P95: 1.2, P99: 3.8}, Waited: review.Quantiles{P99: 0.4},
		Errors: []review.Failed{{Source: "spamd", Cause: filter.CauseTimeout, Count: 9}},
		Relays: []review.Relay{{Client: "192.0.2.9", Name: "mx2.example.org", Refused: 31, Domains: 20, Passed: 400}, {Client: "2001:db8:2::/64", Refused: 4, Domains: 3}},
		Health: []review.Spell{
			{Sign: review.Sign{Symptom: review.Blocked, Colour: review.Red, Since: begun.Add(2 * time.Hour), Text: "a DNS list refuses to answer this server (URIBL_BLOCKED, last at 09:58): most often the resolver is a public one, or asks too much"}, Until: begun.Add(4 * time.Hour), Times: 2},
			{Sign: review.Sign{Symptom: review.NoBayes, Colour: review.Yellow, Since: begun.Add(5 * time.Hour), Text: "no BAYES rule has hit"}, Times: 1},
		}, Spared: 7,
		Overruled: 1, Lenient: []review.Sample{{Reference: "1JD3K8M7Q2XB", Time: begun.Add(2 * time.Hour), Score: 11.5, Sender: "x@example.org"}},
	}
	for i := range 24 {
		s.Columns = append(s.Columns, review.Column{From: begun.Add(time.Duration(i) * time.Hour), Records: 50, Refused: (i * 7) % 20})
	}
	for from := 0; from <= 12; from++ {
		s.Scores = append(s.Scores, review.Bucket{From: float64(from), Count: 700 >> from})
	}
	return s
}

func TestAReportIsReadableAtATerminal(t *testing.T) {
	var b strings.Builder
	printReport(&b, aSummary())
	const file = "testdata/report.txt"
	if os.Getenv("REWRITE") != "" {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("not as in %s (REWRITE=1 writes it):\n%s", file, b.String())
	}
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestABarIsNeverTooLongAndNeverInvisible(t *testing.T) {
	for _, test := range []struct {
		part, whole int
		want        string
	}{
		{0, 10, ""}, {10, 10, "████"}, {5, 10, "██"}, {1, 1_000_000, "▏"}, {3, 16, "▊"}, {0, 0, ""},
	} {
		if got := barOf(test.part, test.whole, 4); got != test.want {
			t.Errorf("%d of %d is %q, want %q", test.part, test.whole, got, test.want)
		}
	}
	if got := columnsOf([]int{0, 1, 8, 16}, 2); got[0] != "   █" || got[1] != " ▁██" {
		t.Errorf("got %q", got)
	}
}

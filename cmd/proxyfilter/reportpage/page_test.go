package reportpage_test

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"proxyfilter/cmd/proxyfilter/reportpage"
	"proxyfilter/filter"
	"proxyfilter/filter/review"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hostile is what a stranger may write into an address or a name.
func hostile() []string {
	return []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`,
		`</title><svg onload=alert(1)>`, `</style><script>alert(1)</script>`, `javascript:alert(1)`,
		"{{.}}", "&lt;b&gt;", "]]><b>", "\x00\x1b[2J", "a\u202egnp.exe", "\xff\xfe<b>", "</td></tr></table><form action=//x>",
	}
}

// summary has everything that a page can show, and a text in each place.
func summary(text string) review.Summary {
	begun := time.Date(2026, 11, 20, 0, 0, 0, 0, time.Local)
	s := review.Summary{
		From: begun, Until: begun.Add(6 * time.Hour), Records: 30, Hashed: 3, Observed: 2, Step: 3600,
		Outcomes: []review.Outcomes{{Action: filter.Accept, Reason: filter.Clean, Count: 20}, {Action: filter.Reject, Reason: filter.Score, Count: 10}},
		Wanted:   []review.Known{{How: filter.ByUser, Count: 5}, {How: filter.Evidence(text), Count: 1}},
		Limits:   []review.Limits{{TagAt: 5, RejectAt: 10, Count: 30}},
		Others:   []review.Otherwise{{RejectAt: 7.5, More: 4, MoreWanted: 1}},
		Rules:    []review.Ranked{{Key: text, Count: 4, Refused: 2}},
		Clients:  []review.Ranked{{Key: text, Count: 4, Refused: 4}},
		To:       []review.Ranked{{Key: text, Count: 4, Over: 1, Refused: 2}},
		Slowest:  []review.Slow{{Reference: text, Time: begun, Scanned: 3.5, Size: 1000}},
		Errors:   []review.Failed{{Source: text, Cause: filter.Cause(text), Count: 2}},
		Relays:   []review.Relay{{Client: text, Name: text, Refused: 4, Domains: 3, Passed: 9}},
		Health: []review.Spell{
			{Sign: review.Sign{Symptom: review.Blocked, Colour: review.Red, Since: begun.Add(2 * time.Hour), Text: text}, Until: begun.Add(4 * time.Hour), Times: 2},
			{Sign: review.Sign{Symptom: review.NoBayes, Colour: review.Yellow, Since: begun.Add(5 * time.Hour), Text: "no BAYES rule has hit"}, Times: 1},
		}, Spared: 7,
		Overruled: 1, Lenient: []review.Sample{{Reference: text, Sender: text, Recipient: text, Score: 12}},
	}
	for i := range 6 {
		s.Columns = append(s.Columns, review.Column{From: begun.Add(time.Duration(i) * time.Hour), Records: 5, Accepted: 2, Marked: 1, Deferred: 1, Refused: 1})
	}
	for from := -3; from < 15; from++ {
		s.Scores = append(s.Scores, review.Bucket{From: float64(from), Count: from * from})
	}
	return s
}

func written(t *testing.T, s review.Summary) string {
	t.Helper()
	var b strings.Builder
	if err := reportpage.Write(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	element   = regexp.MustCompile(`<([A-Za-z][^\s/>]*)([^>]*)>`)
	attribute = regexp.MustCompile(`([A-Za-z][\w:-]*)="([^"]*)"`)
)

// elements are the names of all elements in a page, and how often they are there: what
// begins with "<" and a letter is one to a browser. An attribute that could run or fetch
// something is an error.
func elements(t *testing.T, page string) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, e := range element.FindAllStringSubmatch(page, -1) {
		all[strings.ToLower(e[1])]++
		for _, a := range attribute.FindAllStringSubmatch(e[2], -1) {
			if strings.HasPrefix(a[1], "on") || slices.Contains([]string{"src", "href", "action", "style", "srcdoc", "xlink:href"}, a[1]) {
				t.Errorf("%s", e[0])
			}
		}
	}
	return all
}

func TestHostileTextsStayTexts(t *testing.T) {
	harmless := elements(t, written(t, summary("harmless")))
	for _, text := range hostile() {
		page := written(t, summary(text))
		got := elements(t, page)
		for name, n := range got {
			if harmless[name] != n {
				t.Errorf("%q: %d elements <%s>, want %d", text, n, name, harmless[name])
			}
		}
		if strings.ContainsAny(page, "\x00\x1b\u202e") {
			t.Errorf("%q: a character that cannot be printed is on the page", text)
		}
	}
}

func TestAPageNeedsNothingElse(t *testing.T) {
	page := written(t, summary("x"))
	for _, never := range []string{"http:", "https:", "//", "<script", "<link", "<img", "@import", "url("} {
		if strings.Contains(page, never) {
			t.Errorf("%q is on the page", never)
		}
	}
	for _, want := range []string{
		`content="default-src 'none'; style-src 'unsafe-inline'"`, `name="viewport"`, "prefers-color-scheme: dark", "@media print",
		"marked from 5.0", "refused from 10.0", "at 7.5 you would have refused 4 more, 1 known to be wanted", "at most 4",
		"Passed because of one recipient: 1", "Hosts that seem to hand on mail of others", "policy.forwarders", "Addresses of 3 older messages are hashed", "Of 2 it was only observed",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
}

func TestEveryBarIsInThePlot(t *testing.T) {
	page := written(t, summary("x"))
	for _, e := range element.FindAllStringSubmatch(page, -1) {
		if e[1] != "rect" {
			continue
		}
		at := map[string]float64{}
		for _, a := range attribute.FindAllStringSubmatch(e[2], -1) {
			if a[1] != "class" {
				at[a[1]] = number(t, a[2])
			}
		}
		if at["x"] < 0 || at["x"]+at["width"] > 720 || at["y"] < 0 || at["y"]+at["height"] > 236.2 || at["height"] < 0 {
			t.Errorf("outside: %s", e[0])
		}
	}
}

func TestAnEmptyReportIsAPage(t *testing.T) {
	if page := written(t, review.Summary{}); !strings.HasSuffix(page, "</html>\n") || strings.Contains(page, "NaN") || strings.Contains(page, "Inf") {
		t.Error(page)
	}
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		t.Fatalf("%q is no number", s)
	}
	return n
}

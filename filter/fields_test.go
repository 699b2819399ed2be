package filter_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"proxyfilter/filter"
)

func TestFields(t *testing.T) {
	rules := []filter.Rule{{Name: "BAYES_99", Points: 3.5}, {Name: "MISSING_DATE", Points: 1.4}}
	ruled := func(score float64, labels ...string) filter.Finding {
		return filter.Finding{Source: "spamd", Score: score, Limit: 5, Rules: rules, Labels: labels}
	}
	for _, test := range []struct {
		name     string
		policy   filter.Policy
		findings []filter.Finding
		want     string
	}{
		{
			"tagged mail has all four",
			filter.Policy{},
			[]filter.Finding{ruled(7.06)},
			"X-Spam-Flag: YES\nX-Spam-Score: 7.1\nX-Spam-Level: *******\n" +
				"X-Spam-Status: Yes, score=7.1 required=5.0 tests=BAYES_99,MISSING_DATE autolearn=unavailable version=unknown ref={id}\n",
		},
		{
			"clean mail has no flag",
			filter.Policy{},
			[]filter.Finding{ruled(1.5)},
			"X-Spam-Score: 1.5\nX-Spam-Level: *\nX-Spam-Status: No, score=1.5 required=5.0 tests=BAYES_99,MISSING_DATE autolearn=unavailable version=unknown ref={id}\n",
		},
		{
			"no stars below one, no tests are none",
			filter.Policy{TagAt: 6},
			[]filter.Finding{{Source: "spamd", Score: -2.34}},
			"X-Spam-Score: -2.3\nX-Spam-Status: No, score=-2.3 required=6.0 tests=none autolearn=unavailable version=unknown ref={id}\n",
		},
		{
			"a score just below the limit does not look as if it had reached it",
			filter.Policy{},
			[]filter.Finding{scored(4.97)},
			"X-Spam-Score: 4.9\nX-Spam-Level: ****\nX-Spam-Status: No, score=4.9 required=5.0 tests=none autolearn=unavailable version=unknown ref={id}\n",
		},
		{
			"a cut scan says so",
			filter.Policy{},
			[]filter.Finding{{Source: "spamd", Labels: []string{filter.Truncated}}},
			"X-Spam-Score: 0.0\nX-Spam-Status: No, score=0.0 required=5.0 tests=none autolearn=unavailable version=unknown truncated ref={id}\n",
		},
		{
			"rules of a source that failed are not told",
			filter.Policy{},
			[]filter.Finding{scored(0), {Source: "x", Rules: rules, Cause: filter.CauseBroken}},
			"X-Spam-Score: 0.0\nX-Spam-Status: No, score=0.0 required=5.0 tests=none autolearn=unavailable version=unknown ref={id}\n",
		},
		{"only tagged mail: clean", filter.Policy{Headers: filter.HeadersTagged}, []filter.Finding{scored(1)}, ""},
		{
			"only tagged mail: tagged",
			filter.Policy{Headers: filter.HeadersTagged},
			[]filter.Finding{scored(5)},
			"X-Spam-Flag: YES\nX-Spam-Score: 5.0\nX-Spam-Level: *****\nX-Spam-Status: Yes, score=5.0 required=5.0 tests=none autolearn=unavailable version=unknown ref={id}\n",
		},
		{"no fields at all", filter.Policy{Headers: filter.HeadersNone}, []filter.Finding{scored(5)}, ""},
		{
			"mail that no scanner was asked about says so",
			filter.Policy{Headers: filter.HeadersNone},
			nil,
			"X-Spam-Status: No, score=0.0 required=5.0 tests=none autolearn=unavailable version=unknown unscanned=off ref={id}\n",
		},
		{"deferred mail has none", filter.Policy{}, []filter.Finding{failedBy(filter.CauseBusy, 0)}, ""},
		{"refused mail has none", filter.Policy{RejectAt: 5}, []filter.Finding{scored(5)}, ""},
		{
			"mail accepted unscanned says so even where no fields are wanted",
			filter.Policy{Headers: filter.HeadersNone, OnBusy: filter.Accept},
			[]filter.Finding{failedBy(filter.CauseBusy, 0)},
			"X-Spam-Status: No, score=0.0 required=5.0 tests=none autolearn=unavailable version=unknown unscanned=busy ref={id}\n",
		},
		{
			"observed spam has its flag",
			filter.Policy{Mode: filter.Observe, RejectAt: 5},
			[]filter.Finding{scored(6)},
			"X-Spam-Flag: YES\nX-Spam-Score: 6.0\nX-Spam-Level: ******\nX-Spam-Status: Yes, score=6.0 required=5.0 tests=none autolearn=unavailable version=unknown ref={id}\n",
		},
		{
			"fields of the policy's own come last, whatever headers says",
			filter.Policy{Headers: filter.HeadersNone, Fields: []filter.Field{{"X-Our-Score", "{score} of {tests}"}, {"X-Our-Ref", "{id}"}}},
			[]filter.Finding{ruled(1.5)},
			"X-Our-Score: 1.5 of BAYES_99,MISSING_DATE\nX-Our-Ref: {id}\n",
		},
		{
			"no score is told of mail that nobody has scanned",
			filter.Policy{Fields: []filter.Field{{"X-Our-Score", "{score}"}, {"X-Our-Tests", "{tests}"}, {"X-Our-Ref", "{id}"}}},
			nil,
			"X-Spam-Status: No, score=0.0 required=5.0 tests=none autolearn=unavailable version=unknown unscanned=off ref={id}\nX-Our-Ref: {id}\n",
		},
		{
			"programs that answer by themselves are told to leave tagged mail alone",
			filter.Policy{SilenceAutoresponders: true, Headers: filter.HeadersNone},
			[]filter.Finding{scored(5)},
			"Precedence: junk\nX-Auto-Response-Suppress: OOF, AutoReply\n",
		},
		{"and not clean mail", filter.Policy{SilenceAutoresponders: true, Headers: filter.HeadersNone}, []filter.Finding{scored(4)}, ""},
		{"nor mail that is refused", filter.Policy{RejectAt: 5, SilenceAutoresponders: true, Fields: []filter.Field{{"X-A", "b"}}}, []filter.Finding{scored(5)}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := printed(test.policy.Decide(test.findings)); got != test.want {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
		})
	}
}

func printed(v filter.Verdict) (out string) {
	for _, f := range v.Fields {
		out += f.Name + ": " + f.Value + "\n"
	}
	return out
}

// Mail programs and Sieve scripts look for SpamAssassin's own first words.
var spamAssassin = regexp.MustCompile(`^(Yes|No), score=-?\d+\.\d required=-?\d+\.\d tests=\S+ autolearn=\S+ version=\S+ `)

func TestTheStatusReadsAsSpamAssassins(t *testing.T) {
	for _, score := range []float64{-104.2, -0.04, 0, 4.9, 5, 12.345, 1004} {
		v := filter.Policy{}.Decide([]filter.Finding{scored(score)})
		if status := v.Fields[len(v.Fields)-1]; status.Name != "X-Spam-Status" || !spamAssassin.MatchString(status.Value) {
			t.Errorf("%v gives %q", score, status)
		}
	}
}

func TestAHostileScannerMakesNoEndlessField(t *testing.T) {
	f := scored(1e6)
	for i := range 5000 {
		f.Rules = append(f.Rules, filter.Rule{Name: fmt.Sprint("RULE_", i)})
	}
	out := printed(filter.Policy{}.Decide([]filter.Finding{f}))
	if n := strings.Count(out, "RULE_"); n != 100 {
		t.Errorf("%d rules are listed, want 100", n)
	}
	if !strings.Contains(out, "X-Spam-Level: "+strings.Repeat("*", 50)+"\n") {
		t.Error("want 50 stars")
	}
}

func TestTheSubjectIsChangedOnTaggedMailOnly(t *testing.T) {
	p := filter.Policy{SubjectPrefix: "[SPAM]", RejectAt: 9}
	for score, want := range map[float64]string{4: "", 5: "[SPAM]", 9: ""} {
		if got := p.Decide([]filter.Finding{scored(score)}).SubjectPrefix; got != want {
			t.Errorf("score %v: prefix %q, want %q", score, got, want)
		}
	}
}

func TestOneCopyForSeveralPoliciesHasTheFieldsOfAll(t *testing.T) {
	a := filter.Policy{Name: "a", Headers: filter.HeadersNone, SubjectPrefix: "[A]", Fields: []filter.Field{{"X-A", "a"}, {"X-Both", "a"}}}
	b := filter.Policy{Name: "b", Headers: filter.HeadersNone, SubjectPrefix: "[B]", Fields: []filter.Field{{"x-both", "b"}, {"X-B", "b"}}, SilenceAutoresponders: true}
	ps := filter.Policies{Default: a, Selection: filter.NewSelection([]filter.Scope{{Policy: b, Recipients: []string{"b@x"}}}, "")}
	e := filter.Envelope{Recipients: []string{"a@x", "b@x"}}
	v := ps.Decide(e, []filter.Finding{scored(6)})
	if got, want := printed(v), "Precedence: junk\nX-Auto-Response-Suppress: OOF, AutoReply\nX-A: a\nX-Both: a\nX-B: b\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if v.SubjectPrefix != "" {
		t.Errorf("the subject is changed by %q, and b did not want that", v.SubjectPrefix)
	}
	if len(a.Fields) != 2 {
		t.Errorf("the policy itself was changed: %v", a.Fields)
	}
}

package filter_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"proxyfilter/filter"
)

// severity orders actions by what they cost the sender.
var severity = map[filter.Action]int{filter.Accept: 0, filter.Tag: 1, filter.Defer: 2, filter.Reject: 3}

func anyFinding(t *rapid.T) filter.Finding {
	labels := rapid.SampledFrom([][]string{nil, {filter.Truncated}, {filter.Signed}, {filter.Truncated, filter.Signed}})
	return filter.Finding{
		Viruses: rapid.Bool().Draw(t, "viruses"),
		Source:  "source",
		Score:   rapid.Float64Range(-100, 100).Draw(t, "score"),
		Limit:   rapid.SampledFrom([]float64{0, 5, 6.3}).Draw(t, "limit"),
		Rules:   rapid.SampledFrom([][]filter.Rule{nil, {{Name: "A"}, {Name: "B"}}}).Draw(t, "rules"),
		Labels:  labels.Draw(t, "labels"),
		Advice:  rapid.SampledFrom([]filter.Action{filter.Undecided, filter.Undecided, filter.Accept, filter.Tag, filter.Defer, filter.Reject}).Draw(t, "advice"),
		Text:    rapid.SampledFrom([]string{"", "virus"}).Draw(t, "text"),
		Cause:   rapid.SampledFrom(append(filter.Causes(), "", "", "", "", "", "", "", "")).Draw(t, "cause"),
		Blind:   rapid.SampledFrom([]time.Duration{0, time.Hour, 10 * time.Hour}).Draw(t, "blind"),
	}
}

func anyPolicy(t *rapid.T) filter.Policy {
	actions := rapid.SampledFrom([]filter.Action{filter.Undecided, filter.Accept, filter.Tag, filter.Defer, filter.Reject})
	return filter.Policy{
		Mode:               rapid.SampledFrom([]filter.Mode{filter.Enforce, filter.Observe}).Draw(t, "mode"),
		TagAt:              rapid.SampledFrom([]float64{0, 4, 8}).Draw(t, "tag at"),
		RejectAt:           rapid.SampledFrom([]float64{0, 3, 10}).Draw(t, "reject at"),
		TagOnly:            rapid.Bool().Draw(t, "tag only"),
		OnScanFailure:      actions.Draw(t, "on scan failure"),
		TagViruses:         rapid.Bool().Draw(t, "tag viruses"),
		IgnoreHealth:       rapid.Bool().Draw(t, "ignore health"),
		OnVirusScanFailure: actions.Draw(t, "on virus scan failure"),
		OnBusy:             actions.Draw(t, "on busy"),
		BlindLimit:         rapid.SampledFrom([]time.Duration{0, 5 * time.Hour}).Draw(t, "blind limit"),
		Headers:            rapid.SampledFrom([]filter.Headers{filter.HeadersAll, filter.HeadersTagged, filter.HeadersNone}).Draw(t, "headers"),
	}
}

// drawn gives the property a policy and findings.
func drawn(t *testing.T, property func(*rapid.T, filter.Policy, []filter.Finding)) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		property(t, anyPolicy(t), rapid.SliceOfN(rapid.Custom(anyFinding), 0, 4).Draw(t, "findings"))
	})
}

func TestTheSameFindingsGiveTheSameVerdict(t *testing.T) {
	drawn(t, func(t *rapid.T, p filter.Policy, findings []filter.Finding) {
		before := slices.Clone(findings)
		first, second := p.Decide(findings), p.Decide(slices.Clone(findings))
		if !reflect.DeepEqual(first, second) {
			t.Fatalf("%+v\nthen %+v", first, second)
		}
		if !reflect.DeepEqual(findings, before) {
			t.Fatalf("Decide changed the findings to %+v", findings)
		}
	})
}

func TestARaisedScoreNeverMakesTheActionMilder(t *testing.T) {
	drawn(t, func(t *rapid.T, p filter.Policy, findings []filter.Finding) {
		if len(findings) == 0 {
			return
		}
		raised := slices.Clone(findings)
		raised[rapid.IntRange(0, len(raised)-1).Draw(t, "which")].Score += rapid.Float64Range(0, 50).Draw(t, "by")
		before, after := p.Decide(findings), p.Decide(raised)
		if severity[after.Action] < severity[before.Action] || severity[after.Would] < severity[before.Would] {
			t.Fatalf("%v (would %v) became %v (would %v)", before.Action, before.Would, after.Action, after.Would)
		}
	})
}

func TestAVerdictIsAlwaysConsistent(t *testing.T) {
	drawn(t, func(t *rapid.T, p filter.Policy, findings []filter.Finding) {
		v := p.Decide(findings)
		switch {
		case v.Action == filter.Undecided || v.Would == filter.Undecided:
			t.Fatalf("undecided: %+v", v)
		case p.Mode == filter.Observe && !v.Action.Passes():
			t.Fatalf("observe gave %v", v.Action)
		case p.TagOnly && v.Action == filter.Reject && v.Reason != filter.Virus:
			t.Fatal("a policy that tags at most refused")
		case p.Mode == filter.Enforce && v.Would != v.Action:
			t.Fatalf("enforced %v, would %v", v.Action, v.Would)
		case severity[v.Action] > severity[v.Would]:
			t.Fatalf("did %v, would only %v", v.Action, v.Would)
		case !slices.Contains(filter.Reasons(), v.Reason):
			t.Fatalf("reason %q is not of the closed set", v.Reason)
		case (v.Action == filter.Reject) && v.Text == "":
			t.Fatal("refused without a word")
		case !v.Action.Passes() && v.Fields != nil:
			t.Fatalf("fields %v for mail that goes nowhere", v.Fields)
		case v.Action.Passes() && v.Unscanned() != "" && !statusSays(v, " unscanned="+string(v.Unscanned())):
			t.Fatalf("unscanned mail passed and does not say so: %v", v.Fields)
		case v.Action.Passes() && v.Unsearched() != "" && !statusSays(v, " virus_unscanned="+string(v.Unsearched())):
			t.Fatalf("mail in which nobody looked for viruses passed and does not say so: %v", v.Fields)
		case v.Unscanned() != "" && v.Action == filter.Reject && v.Reason != filter.Virus:
			t.Fatal("refused unscanned")
		case v.Unscanned() != "" && v.Would == filter.Accept && v.Reason != filter.Advice && !accepted(findings) && !acceptsBlindly(p):
			t.Fatal("accepted unscanned, which is written nowhere")
		case v.Unsearched() != "" && v.Would.Passes() && p.OnVirusScanFailure != filter.Accept:
			t.Fatal("nobody looked for viruses, and it passed, which is written nowhere")
		case v.Virus() != "" && !p.TagViruses && v.Would != filter.Reject:
			t.Fatalf("a virus was found, and would be %v", v.Would)
		case v.Virus() != "" && v.Would == filter.Accept:
			t.Fatal("a virus was found, and not even marked")
		}
	})
}

// statusSays looks for a word in the field that tells of the scan.
func statusSays(v filter.Verdict, word string) bool {
	return slices.ContainsFunc(v.Fields, func(f filter.Field) bool { return f.Name == "X-Spam-Status" && strings.Contains(f.Value, word) })
}

func accepted(findings []filter.Finding) bool {
	return slices.ContainsFunc(findings, func(f filter.Finding) bool {
		return f.Advice == filter.Accept && f.Cause == "" && !f.Viruses
	})
}

// Whoever looks for viruses changes what is done with mail that would pass, and
// nothing of what is known about spam.
func TestNeitherKindOfSourceHidesTheFailureOfTheOther(t *testing.T) {
	drawn(t, func(t *rapid.T, p filter.Policy, findings []filter.Finding) {
		var spam, viruses []filter.Finding
		for _, f := range findings {
			if f.Viruses {
				viruses = append(viruses, f)
			} else {
				spam = append(spam, f)
			}
		}
		both, alone := p.Decide(findings), p.Decide(spam)
		switch {
		case both.Unscanned() != alone.Unscanned() || both.Unsearched() != p.Decide(viruses).Unsearched():
			t.Fatalf("together %q and %q, apart %q and %q", both.Unscanned(), both.Unsearched(), alone.Unscanned(), p.Decide(viruses).Unsearched())
		case both.Score != alone.Score:
			t.Fatalf("the score %v became %v", alone.Score, both.Score)
		case severity[both.Would] < severity[alone.Would]:
			t.Fatalf("a source that looks for viruses made %v of %v", both.Would, alone.Would)
		case both.Would != alone.Would && both.Virus() == "" && both.Unsearched() == "" && !found(viruses):
			t.Fatalf("%v became %v, and there was neither a virus nor a failure", alone.Would, both.Would)
		}
	})
}

func found(viruses []filter.Finding) bool {
	return slices.ContainsFunc(viruses, func(f filter.Finding) bool { return f.Advice == filter.Reject && f.Cause == "" })
}

func acceptsBlindly(p filter.Policy) bool {
	return p.OnScanFailure == filter.Accept || p.OnBusy == filter.Accept || p.BlindLimit > 0
}

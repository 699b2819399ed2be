package filter

import (
	"fmt"
	"math"
	"strings"
)

// fields are SpamAssassin's own, in its own format, so that the rules that
// users have in their mail programs go on working. What nobody has looked at says so,
// whatever the policy wants to be told.
func (p Policy) fields(v Verdict) []Field {
	if !v.Action.Passes() {
		return nil
	}
	tagged := v.Action == Tag
	wanted := p.Headers == HeadersAll || p.Headers == HeadersTagged && tagged
	unscanned, unsearched := v.unscannedWord(), v.Unsearched()
	if !wanted && unscanned == "" && unsearched == "" {
		return nil
	}
	score := shown(v)
	status := Field{"X-Spam-Status", status(v, score, unscanned, unsearched)}
	if !wanted || unscanned != "" && !tagged {
		return []Field{status}
	}
	var fields []Field
	if tagged {
		fields = append(fields, Field{"X-Spam-Flag", "YES"})
	}
	fields = append(fields, Field{"X-Spam-Score", score})
	if level := stars(v.Score); level != "" {
		fields = append(fields, Field{"X-Spam-Level", level})
	}
	return append(fields, status)
}

// unscannedWord is why nobody has scanned it for spam, or empty.
func (v Verdict) unscannedWord() string {
	asked, cause, _ := unscanned(v.Findings, false)
	if !asked && v.Reason != Advice {
		return "off"
	}
	return string(cause)
}

// status ends with words of ours, behind those that SpamAssassin has.
func status(v Verdict, score, unscanned string, unsearched Cause) string {
	yes := "No"
	if v.Action == Tag {
		yes = "Yes"
	}
	s := fmt.Sprintf("%s, score=%s required=%.1f tests=%s", yes, score, v.TagAt, tests(v.Findings))
	if labels := truncated(v.Findings); labels != "" {
		s += " " + labels
	}
	if v.Virus() != "" {
		s += " virus"
	}
	if unscanned != "" {
		s += " unscanned=" + unscanned
	}
	if unsearched != "" {
		s += " virus_unscanned=" + string(unsearched)
	}
	return s + " ref={id}"
}

// shown is the score, rounded down where rounding up would show a score that
// has reached the limit when it has not. SpamAssassin does the same.
func shown(v Verdict) string {
	score := v.Score
	if score < v.TagAt && math.Round(score*10) >= math.Round(v.TagAt*10) {
		score = math.Floor(score*10) / 10
	}
	return fmt.Sprintf("%.1f", score)
}

func truncated(findings []Finding) string {
	for _, f := range findings {
		if f.HasLabel(Truncated) {
			return Truncated
		}
	}
	return ""
}

// maxStars bounds X-Spam-Level as SpamAssassin does.
const maxStars = 50

func stars(score float64) string {
	return strings.Repeat("*", int(max(0, min(score, maxStars))))
}

// maxTests bounds the list: a hostile scanner must not make a field that the
// next hop refuses.
const maxTests = 100

// tests lists the rules with a blank after each comma, where a field can fold.
func tests(findings []Finding) string {
	var names []string
	for _, f := range findings {
		for _, r := range f.Rules {
			if f.Cause == "" && len(names) < maxTests {
				names = append(names, r.Name)
			}
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

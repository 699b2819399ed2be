package filter

import (
	"cmp"
	"fmt"
	"math"
	"strings"
)

// fields are SpamAssassin's own, in its own format, so that the rules that
// users have in their mail programs go on working.
func (p Policy) fields(v Verdict) []Field {
	if !v.Action.Passes() {
		return nil
	}
	if cause := v.Unscanned(); cause != "" || v.Reason == Unscanned {
		return []Field{{"X-Spam-Status", fmt.Sprintf("No, score=0.0 required=%.1f tests=none unscanned=%s ref={id}", v.TagAt, cmp.Or(string(cause), "off"))}}
	}
	tagged := v.Action == Tag
	if p.Headers == HeadersNone || (p.Headers == HeadersTagged && !tagged) {
		return nil
	}
	var fields []Field
	yes := "No"
	if tagged {
		yes = "Yes"
		fields = append(fields, Field{"X-Spam-Flag", "YES"})
	}
	score := shown(v)
	fields = append(fields, Field{"X-Spam-Score", score})
	if level := stars(v.Score); level != "" {
		fields = append(fields, Field{"X-Spam-Level", level})
	}
	status := fmt.Sprintf("%s, score=%s required=%.1f tests=%s", yes, score, v.TagAt, tests(v.Findings))
	if labels := truncated(v.Findings); labels != "" {
		status += " " + labels
	}
	return append(fields, Field{"X-Spam-Status", status + " ref={id}"})
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

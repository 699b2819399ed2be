package filter

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// fields are SpamAssassin's own, and below them what else the policy asks for.
func (p Policy) fields(v Verdict) []Field {
	if !v.Action.Passes() {
		return nil
	}
	return append(p.spamFields(v), p.extra(v)...)
}

// spamFields are in SpamAssassin's own format, so that the rules that users have in
// their mail programs go on working. What nobody has looked at says so, whatever the
// policy wants to be told.
func (p Policy) spamFields(v Verdict) []Field {
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

// status ends with words of ours, behind those that SpamAssassin has. Two of those
// spamd does not tell its clients: whether it has learned from the message, and its
// version. There are programs that want the words, and "unavailable" is SpamAssassin's
// own for the first.
func status(v Verdict, score, unscanned string, unsearched Cause) string {
	yes := "No"
	if v.Action == Tag {
		yes = "Yes"
	}
	s := fmt.Sprintf("%s, score=%s required=%.1f tests=%s autolearn=unavailable version=unknown", yes, score, v.TagAt, tests(v.Findings))
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

// extra are the policy's own fields, and those that keep programs silent that answer
// mail by themselves. An answer to spam goes to a forged sender.
//
// RFC 3834 2 names Auto-Submitted, but that would be a statement about who wrote the
// message, and nobody here knows. Precedence is what vacation programs have always
// looked at (RFC 3834 2 again, and Sieve's vacation), and X-Auto-Response-Suppress
// is what Exchange does. The latter names answers only: "All" would suppress
// delivery reports as well.
func (p Policy) extra(v Verdict) []Field {
	var fields []Field
	if p.SilenceAutoresponders && v.Action == Tag {
		fields = append(fields, Field{"Precedence", "junk"}, Field{"X-Auto-Response-Suppress", "OOF, AutoReply"})
	}
	if len(p.Fields) == 0 {
		return fields
	}
	told := strings.NewReplacer("{score}", shown(v), "{tests}", tests(v.Findings))
	for _, f := range p.Fields {
		value := told.Replace(f.Value)
		if value != f.Value && v.unscannedWord() != "" {
			continue // 0.0 would look as if somebody had found it harmless
		}
		fields = append(fields, Field{f.Name, value})
	}
	return fields
}

// subjectPrefix is what goes in front of the subject.
func (p Policy) subjectPrefix(v Verdict) string {
	if v.Action != Tag {
		return ""
	}
	return p.SubjectPrefix
}

// shared is the policy that writes into the one copy that all groups get, as if it
// were that of the given one. Whoever wants a field gets it, because a field harms
// nobody. A subject is changed only if all want the same change.
func shared(groups []group, from int) Policy {
	p := groups[from].policy
	p.Fields = slices.Clip(p.Fields)
	for _, g := range groups {
		p.Headers = min(p.Headers, g.policy.Headers)
		p.SilenceAutoresponders = p.SilenceAutoresponders || g.policy.SilenceAutoresponders
		if g.policy.SubjectPrefix != p.SubjectPrefix {
			p.SubjectPrefix = ""
		}
		for _, f := range g.policy.Fields {
			if !slices.ContainsFunc(p.Fields, func(known Field) bool { return strings.EqualFold(known.Name, f.Name) }) {
				p.Fields = append(p.Fields, f)
			}
		}
	}
	return p
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

// tests lists the rules by name, as SpamAssassin does. The relay folds behind commas.
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
	slices.Sort(names)
	return strings.Join(names, ",")
}

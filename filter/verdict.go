package filter

import "slices"

// Verdict is the one answer a message gets, and why. The relay turns it into an
// SMTP reply; it never looks at scores.
type Verdict struct {
	Action Action
	Reason Reason

	// Would is the action that the policy would have taken when Action is
	// milder because the policy only observes; otherwise it equals Action.
	Would Action

	// Text is one sentence for the sending side. "{id}" in it stands for the
	// reference, which a policy does not know.
	Text string

	// Policy is the one that decided. Opinions are what each policy said when the
	// recipients are under several; with one policy there are none.
	Policy   string
	Opinions []Opinion

	Score    float64
	TagAt    float64
	RejectAt float64

	// Fields are header fields to put on top of the message when it passes,
	// in this order. "{id}" stands for the reference.
	Fields   []Field
	Findings []Finding

	// SubjectPrefix is text to put in front of the subject when it passes. It has no
	// blank at its ends.
	SubjectPrefix string
}

// Field is one header field, not yet folded.
type Field struct{ Name, Value string }

// ByScore reports that some policy has marked or refused the message for its score, so
// that something in favour of it may change the verdict.
func (v Verdict) ByScore() bool {
	return v.Reason == Score || slices.ContainsFunc(v.Opinions, func(o Opinion) bool { return o.Reason == Score })
}

// Unscanned is the failure that left the message without any answer of a
// scanner, or an empty Cause if one answered or none was asked. Those who look for
// viruses do not count.
func (v Verdict) Unscanned() Cause {
	_, cause, _ := unscanned(v.Findings, false)
	return cause
}

// Scored reports whether a scanner has given the message its score. The 0 of one that
// a list refused unscanned is no score.
func (v Verdict) Scored() bool {
	asked, cause, _ := unscanned(v.Findings, false)
	return asked && cause == ""
}

// Unsearched is Unscanned for those who look for viruses.
func (v Verdict) Unsearched() Cause {
	_, cause, _ := unscanned(v.Findings, true)
	return cause
}

// Virus is the name of the one that was found, or empty.
func (v Verdict) Virus() string {
	if f := virus(v.Findings); f != nil && len(f.Rules) > 0 {
		return f.Rules[0].Name
	}
	return ""
}

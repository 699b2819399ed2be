package filter

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"
)

// Finding is what one scanner said about one message. An error is a Finding
// too: it then has a Cause, and the policy says what that means.
type Finding struct {
	Source string
	Score  float64
	Limit  float64 // the source's own threshold for spam; 0 when it has none
	Rules  []Rule  // what the score is made of; may be empty
	Labels []string
	Advice Action // Undecided unless the source is sure by itself
	Text   string // for the sending side, with Advice
	Server string // which of several servers answered; never told to strangers

	// Viruses: the source looks for viruses, and not for spam. Of its answers only
	// the Advice to Reject has a meaning: it has found one, and the first of Rules
	// is its name.
	Viruses bool

	Assigned []Assignment // the policies of recipients, from a PolicyMap

	// Recipients are those about whom the Advice is, as in the envelope, when a list has
	// only them. Whoever else gets the message is decided about without it.
	Recipients []string

	Waited time.Duration // until the source had time for the message
	Took   time.Duration // altogether, waiting included

	Cause Cause         // why the source could not answer; empty when it did
	Err   string        // the same in full, for the record only
	Blind time.Duration // with a Cause: for how long the source has answered nobody
}

// Rule is one test that a scanner applied.
type Rule struct {
	Name        string
	Points      float64 // 0 when the scanner names rules without points
	Description string
}

// Labels with a meaning for Policy.
const (
	// Truncated: only the first part of the content was scanned. Body hashes
	// over it are wrong, so rules about signatures misfire.
	Truncated = "truncated"

	// Signed: the content bears a signature that may well be valid. Together
	// with Truncated it caps the verdict at Tag.
	Signed = "signed"

	// Listed: the finding is that of a list, and nobody has looked at the content
	// for it. It is no scanner's answer.
	Listed = "listed"

	// Stale: a source could not be asked, and this is what it said before.
	Stale = "stale"

	// Spared caps a verdict by score at Tag.
	Spared = "spared"

	// MailingList: it comes from a list, which has signed it. Policy.ListsRejectAt is
	// then the limit.
	MailingList = "mailing-list"
)

// Reused is a label for the record: the source was asked about this message when
// it was sent before, and not again.
const Reused = "reused"

// maxScore is far above what any rule set adds up to.
const maxScore = 1e6

// numeric reports that score and limit can be compared and written down: a sum
// with NaN is above no limit, and JSON knows neither NaN nor infinity.
func (f *Finding) numeric() bool {
	return math.Abs(f.Score) <= maxScore && math.Abs(f.Limit) <= maxScore
}

// HasLabel reports whether the finding carries the label.
func (f *Finding) HasLabel(label string) bool {
	return slices.Contains(f.Labels, label)
}

// Cause is why a source could not answer, in one word of a closed set.
type Cause string

// The causes.
const (
	CauseBusy        Cause = "busy"        // no slot was free in time
	CauseTimeout     Cause = "timeout"     // the clock ended
	CauseUnreachable Cause = "unreachable" // no connection
	CauseBroken      Cause = "broken"      // the connection or the answer broke off
	CauseRefused     Cause = "refused"     // the source answered that it will not
	CausePanic       Cause = "panic"
	CauseGone        Cause = "gone" // nobody waits for the answer any more
	CauseOther       Cause = "other"
)

// Causes is the closed set.
func Causes() []Cause {
	return []Cause{
		CauseBusy, CauseTimeout, CauseUnreachable, CauseBroken, CauseRefused,
		CausePanic, CauseGone, CauseOther,
	}
}

// Failure is an error of a Scanner that knows its Cause, and for how long the
// source has been without an answer for anybody.
type Failure struct {
	Cause Cause
	Blind time.Duration
	Err   error
}

// Error is the text of the error inside, or the cause if there is none.
func (f *Failure) Error() string {
	if f.Err == nil {
		return string(f.Cause)
	}
	return f.Err.Error()
}

// Unwrap gives the error inside.
func (f *Failure) Unwrap() error { return f.Err }

// failed turns an error into the part of a Finding that tells of it.
func failed(f *Finding, err error) {
	f.Err = err.Error()
	var known *Failure
	switch {
	case errors.As(err, &known):
		f.Cause, f.Blind = known.Cause, known.Blind
	case errors.Is(err, context.DeadlineExceeded):
		f.Cause = CauseTimeout
	case errors.Is(err, context.Canceled):
		f.Cause = CauseGone
	}
	if f.Cause == "" { // also a Failure whose author forgot its Cause
		f.Cause = CauseOther
	}
}

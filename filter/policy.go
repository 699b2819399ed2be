package filter

import (
	"strings"
	"time"
)

// Mode says whether a policy acts on what it decides.
type Mode uint8

// The modes. The zero Mode enforces.
const (
	Enforce Mode = iota
	Observe      // carry everything, and record what would have happened
)

// Headers says which passed mail gets X-Spam fields.
type Headers uint8

// The choices. Mail that was accepted without a scan says so under each.
const (
	HeadersAll Headers = iota
	HeadersTagged
	HeadersNone
)

// Policy says what findings mean for one group of messages. Its zero value
// tags at a source's own threshold, refuses nothing by score and defers what
// could not be scanned.
type Policy struct {
	Name string
	Mode Mode

	// Listed is what the lists say of the recipients under it: see AsListed.
	Listed Action

	// TagAt is the score from which a message is marked. 0 takes the threshold
	// that the scanner itself reported.
	TagAt float64

	// RejectAt is the score from which a message is refused; 0 means never.
	RejectAt float64

	// Forwarded are recipients whose mail goes on to another server. For them
	// ForwardedRejectAt is the limit when it is the lower one; 0 has no say.
	Forwarded         *Recipients
	ForwardedRejectAt float64

	// Forwarders are clients that forward mail of others: mail from them is tagged
	// at most.
	Forwarders *Networks

	// ListsRejectAt is the score from which mail of a mailing list is refused; below
	// it such mail is tagged at most, since a list takes subscribers off whose server
	// refuses. 0 means DefaultListsMargin above RejectAt. It never lowers a limit.
	ListsRejectAt float64

	// TagOnly marks what would have been refused for its content. It is for
	// mail of one's own users, who are not spammers by SpamAssassin's rules
	// about dial-up addresses, and for senders who would have to bounce it.
	TagOnly bool

	// TagViruses marks a message with a virus, which is refused otherwise, under
	// every policy: TagOnly does not spare it.
	TagViruses bool

	// Unmapped is set when the policy is a guess, because a PolicyMap could not be asked:
	// Accept defers what would have been refused, Defer defers everything.
	Unmapped Action

	// IgnoreHealth refuses for a score also while Suspension says that scores cannot be
	// trusted.
	IgnoreHealth bool

	OnScanFailure Action // no scanner could answer: Accept, or else Defer
	OnBusy        Action // no scanner was free in time: Accept, or else Defer

	// OnVirusScanFailure is the same for those who look for viruses, whatever the
	// cause. What the others said holds only for mail that was looked at by both.
	OnVirusScanFailure Action

	// BlindLimit accepts, and marks, once no source has answered anybody for so
	// long. 0 means never. Sources that look for viruses do not count.
	BlindLimit time.Duration

	RejectText string // told to the sending side; {id} and {contact} are replaced
	Contact    string
	Headers    Headers

	// Fields are put on all mail that passes, below SpamAssassin's. "{score}" and
	// "{tests}" are replaced; a field with one of them is left out when nobody has
	// scanned the message.
	Fields []Field

	// SilenceAutoresponders marks tagged mail as what vacation programs do not answer.
	SilenceAutoresponders bool

	// SubjectPrefix goes in front of the subject of tagged mail. Nearly every signature
	// (DKIM) covers the subject, and is broken by it.
	SubjectPrefix string
}

// DefaultRejectText is what a refused sender reads.
const DefaultRejectText = "Message refused: it looks like spam (ref {id}){contact}"

// DefaultTagAt serves when the policy wants the scanner's own threshold and the
// scanner reported none: SpamAssassin's required_score as shipped.
const DefaultTagAt = 5.0

// Decide weighs findings. It is a pure function: the same findings give the
// same verdict, today and in a replay.
func (p Policy) Decide(findings []Finding) Verdict {
	v := Verdict{Policy: p.Name, TagAt: p.tagAt(findings), RejectAt: p.RejectAt, Findings: findings}
	for _, f := range findings {
		if f.Cause == "" && !f.Viruses { // what a source said before it failed is not its answer
			v.Score += f.Score
		}
	}
	p.weigh(&v)
	p.cap(&v)
	p.search(&v)
	p.suspend(&v)
	return p.soften(v)
}

// weigh decides about everything but viruses.
func (p Policy) weigh(v *Verdict) {
	sure := p.surest(v.Findings)
	asked, cause, blind := unscanned(v.Findings, false)
	switch {
	case p.Unmapped == Defer:
		v.Action, v.Reason = Defer, Unmapped
	case sure != nil:
		v.Action, v.Reason, v.Text = sure.Advice, Advice, p.adviceText(sure)
	case !asked: // no scanner is configured, and nobody shall think otherwise
		v.Action, v.Reason = Accept, Unscanned
	case cause != "":
		v.Action, v.Reason = p.blind(cause, blind)
	case p.RejectAt > 0 && v.Score >= p.RejectAt:
		v.Action, v.Reason, v.Text = Reject, Score, p.rejectText()
	case v.Score >= v.TagAt:
		v.Action, v.Reason = Tag, Score
	case p.advised(v.Findings, Tag) != nil:
		v.Action, v.Reason = Tag, Advice
	default:
		v.Action, v.Reason = Accept, Clean
	}
}

// cap limits refusals.
func (p Policy) cap(v *Verdict) {
	if v.Action == Reject && (p.TagOnly || (v.Reason == Score && (unsure(v.Findings) || spared(v.Findings) || p.sparesList(*v)))) {
		p.mark(v)
	}
}

// mark hands on what would have been refused. A list refuses what nobody has scanned, so
// what is marked instead has to wait for a scanner as mail does that is on no list.
func (p Policy) mark(v *Verdict) {
	v.Action, v.Text = Tag, ""
	_, cause, blind := unscanned(v.Findings, false)
	if v.Reason != Advice || cause == "" {
		return
	}
	if action, reason := p.blind(cause, blind); action == Defer {
		v.Action, v.Reason = action, reason
	}
}

// soften makes a verdict milder when the policy is a guess, or only observes, and adds the
// fields, which tell of the outcome.
func (p Policy) soften(v Verdict) Verdict {
	if v.Action == Reject && p.Unmapped != Undecided {
		v.Action, v.Reason, v.Text = Defer, Unmapped, ""
	}
	v.Would = v.Action
	if p.Mode == Observe && !v.Action.Passes() {
		v.Text = ""
		if v.Action == Reject {
			v.Action = Tag
		} else {
			v.Action = Accept
		}
	}
	v.Fields, v.SubjectPrefix = p.fields(v), p.subjectPrefix(v)
	return v
}

func (p Policy) tagAt(findings []Finding) float64 {
	if p.TagAt != 0 {
		return p.TagAt
	}
	for _, f := range findings {
		if f.Limit != 0 && !f.Viruses {
			return f.Limit
		}
	}
	return DefaultTagAt
}

// blind decides about a message that nobody has scanned.
func (p Policy) blind(cause Cause, since time.Duration) (Action, Reason) {
	action := p.OnScanFailure
	if cause == CauseBusy {
		action = p.OnBusy
	}
	if p.BlindLimit > 0 && since >= p.BlindLimit {
		action = Accept
	}
	if action != Accept {
		action = Defer // the zero value too: accepting blindly must be written down
	}
	return action, blindReason(cause)
}

func (p Policy) rejectText() string {
	text := p.RejectText
	if text == "" {
		text = DefaultRejectText
	}
	return strings.ReplaceAll(text, "{contact}", p.Contact)
}

// adviceText is the source's own sentence. A refusal always has one.
func (p Policy) adviceText(f *Finding) string {
	if f.Text == "" && f.Advice == Reject {
		return p.rejectText()
	}
	return strings.ReplaceAll(f.Text, "{contact}", p.Contact)
}

// surest is the finding whose advice needs no score: the first Reject, or else
// the first Defer, or else the first Accept; nil without any. Tag is none of them: it keeps mail
// from being clean, and nobody from refusing it.
func (p Policy) surest(findings []Finding) *Finding {
	for _, want := range []Action{Reject, Defer, Accept} {
		if f := p.advised(findings, want); f != nil {
			return f
		}
	}
	return nil
}

// advised is the first answer with that advice, or nil. Who looks for viruses is
// heard elsewhere, and what is about other recipients, nowhere.
func (p Policy) advised(findings []Finding, advice Action) *Finding {
	for i := range findings {
		f := &findings[i]
		if len(f.Recipients) > 0 && advice != p.Listed {
			continue
		}
		if f.Cause == "" && f.Advice == advice && !f.Viruses {
			return f
		}
	}
	return nil
}

// unsure reports a score that rests on a part of a signed message: rules about
// broken signatures then say nothing about the sender. What a search for viruses has
// read is of no account for that.
func unsure(findings []Finding) bool {
	for _, f := range findings {
		if !f.Viruses && f.HasLabel(Truncated) && f.HasLabel(Signed) {
			return true
		}
	}
	return false
}

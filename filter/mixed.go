package filter

// Mixed says what one answer means for recipients under several policies. There is
// only one reply to the end of data, and it is for all of them: whoever answers
// 250 and then bounces or drops for some makes backscatter, or loses mail.
type Mixed uint8

// The choices. Under each of them one recipient's Defer is everybody's, because
// nothing is lost by a delay.
const (
	// Lenient refuses only if every policy refuses. Otherwise all get the message,
	// tagged. Its price: a spammer who knows one lenient recipient can add him.
	Lenient Mixed = iota

	// Strict refuses if any policy refuses. Its price: others lose a message that
	// they would have taken; but its sender is told.
	Strict

	// Split lets a transaction have recipients of one policy only; the sender is
	// asked to come again for the others (see Policies.Apart). Its price: delays,
	// and a next server that answers for each recipient by itself. What is mixed
	// all the same, is decided as Lenient.
	Split
)

// Opinion is what one of several policies said about a message.
type Opinion struct {
	Policy     string
	Recipients []string // those under it, as in the envelope
	Action     Action
	Would      Action // as in Verdict
	TagAt      float64
	RejectAt   float64
	Reason     Reason // empty in records of older releases
}

// Combine makes one action of those of several policies.
func (m Mixed) Combine(actions ...Action) Action {
	rejects, tagged := 0, false
	for _, a := range actions {
		switch a {
		case Accept:
		case Tag:
			tagged = true
		case Reject:
			rejects++
		default:
			return Defer
		}
	}
	switch {
	case len(actions) == 0:
		return Defer
	case rejects == len(actions), rejects > 0 && m == Strict:
		return Reject
	case tagged, rejects > 0:
		return Tag
	}
	return Accept
}

// decide asks each policy and combines what they say.
func (m Mixed) decide(groups []group, findings []Finding) Verdict {
	if len(groups) == 1 {
		return groups[0].policy.Decide(findings)
	}
	verdicts := make([]Verdict, len(groups))
	opinions := make([]Opinion, len(groups))
	actions, would := make([]Action, len(groups)), make([]Action, len(groups))
	for i, g := range groups {
		v := g.policy.Decide(findings)
		verdicts[i], actions[i], would[i] = v, v.Action, v.Would
		opinions[i] = Opinion{v.Policy, g.recipients, v.Action, v.Would, v.TagAt, v.RejectAt, v.Reason}
	}
	action := m.Combine(actions...)
	from := decisive(verdicts, action)
	v := verdicts[from]
	v.Action, v.Would, v.Opinions, v.Fields = action, m.Combine(would...), opinions, nil
	v.SubjectPrefix = ""
	if action.Passes() {
		v.Text = ""
		p := shared(groups, from)
		v.Fields, v.SubjectPrefix = p.fields(v), p.subjectPrefix(v)
	}
	return v
}

// decisive is the verdict that speaks for all: the first with the action that was
// taken, or, when it is one that nobody wanted, the first refusal, which the
// others have overruled.
func decisive(verdicts []Verdict, action Action) int {
	for _, want := range []Action{action, Reject} {
		for i := range verdicts {
			if verdicts[i].Action == want {
				return i
			}
		}
	}
	return 0
}

// Overruled reports that a policy would have refused the message, and that it
// passed because another one did not.
func (v Verdict) Overruled() bool {
	for _, o := range v.Opinions {
		if o.Action == Reject && v.Action.Passes() {
			return true
		}
	}
	return false
}

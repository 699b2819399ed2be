package filter

// PanicName is the source of the finding that refusals are suspended.
const PanicName = "panic"

// Suspended is the label of that finding; the word behind it says what happens
// instead. It is no scanner's answer.
const Suspended = "suspended"

// Suspension is what an administrator has said in an emergency: while it lasts, no
// mail is refused. Instead is Defer or Tag; with any other action it is none.
//
// It is a Finding, so that the record of a message tells of it, and the same findings
// give the same verdict in a replay.
func Suspension(instead Action) (f Finding, lasts bool) {
	if instead != Defer && instead != Tag {
		return Finding{}, false
	}
	return Finding{Source: PanicName, Labels: []string{Suspended, instead.String()}}, true
}

// Suspended is what was done instead of a refusal; Undecided when refusals were not
// suspended.
func (v Verdict) Suspended() Action { return suspended(v.Findings) }

func suspended(findings []Finding) Action {
	for i := range findings {
		if f := &findings[i]; f.HasLabel(Suspended) {
			if f.HasLabel(Tag.String()) {
				return Tag
			}
			return Defer
		}
	}
	return Undecided
}

// suspend does something milder than to refuse. A virus is put off under both words:
// nobody who marks mail in an emergency means that.
func (p Policy) suspend(v *Verdict) {
	if v.Action != Reject {
		return
	}
	switch instead := suspended(v.Findings); {
	case instead == Undecided:
	case instead == Tag && v.Reason != Virus:
		v.Action, v.Text = Tag, ""
	default:
		v.Action, v.Reason, v.Text = Defer, Emergency, ""
	}
}

// unlessSuspended decides again about what would be refused. Only then it asks.
func (j Judge) unlessSuspended(e Envelope, v Verdict) Verdict {
	if v.Action != Reject {
		return v
	}
	f, lasts := Suspension(j.suspended())
	if !lasts {
		return v
	}
	return j.Policies.Decide(e, append(v.Findings[:len(v.Findings):len(v.Findings)], f))
}

// suspended is what happens at present instead of a refusal; Undecided when nothing does.
func (j Judge) suspended() Action {
	if j.Suspended == nil {
		return Undecided
	}
	if instead := j.Suspended(); instead == Defer || instead == Tag {
		return instead
	}
	return Undecided
}

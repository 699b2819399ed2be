package filter

// Who can suspend refusals: the sources of such findings.
const (
	PanicName = "panic" // an administrator
	GuardName = "guard" // package guard: too much good mail is refused
)

// Suspended is the label of a finding that refusals are suspended; the word behind it
// says what happens instead. It is no scanner's answer.
const Suspended = "suspended"

// Suspension is why no mail is refused at present. The zero Suspension is none.
type Suspension struct {
	By      string // whose word it is, such as PanicName: the source of its finding
	Instead Action // Defer or Tag; with any other action nothing is suspended
}

// Lasts reports that it is one.
func (s Suspension) Lasts() bool { return s.Instead == Defer || s.Instead == Tag }

// Finding is how the record of a message tells of it, so that the same findings give
// the same verdict in a replay.
func (s Suspension) Finding() Finding {
	return Finding{Source: s.By, Labels: []string{Suspended, s.Instead.String()}}
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
func (j *Judge) unlessSuspended(e Envelope, v Verdict) Verdict {
	if v.Action != Reject {
		return v
	}
	s := j.suspended()
	if !s.Lasts() {
		return v
	}
	return j.Policies.Decide(e, append(v.Findings[:len(v.Findings):len(v.Findings)], s.Finding()))
}

// suspended is what happens at present instead of a refusal.
func (j *Judge) suspended() (s Suspension) {
	if j.Suspended != nil {
		s = j.Suspended()
	}
	return s
}

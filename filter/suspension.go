package filter

// Who can suspend refusals: the sources of such findings.
const (
	PanicName = "panic" // an administrator
	GuardName = "guard" // package guard: too much good mail is refused

	// HealthName: scores cannot be trusted.
	HealthName = "health"
)

// Suspended is the label of a finding that refusals are suspended; the word behind it
// says what happens instead. It is no scanner's answer.
const Suspended = "suspended"

// Suspension is why no mail is refused at present. The zero Suspension is none.
type Suspension struct {
	By      string // whose word it is, such as PanicName: the source of its finding
	Instead Action // Defer or Tag; with any other action nothing is suspended
	Why     string // what is wrong, in a sentence for an administrator; may be empty
}

// Lasts reports that it is one.
func (s Suspension) Lasts() bool { return s.Instead == Defer || s.Instead == Tag }

// Finding is how the record of a message tells of it, so that the same findings give
// the same verdict in a replay.
func (s Suspension) Finding() Finding {
	return Finding{Source: s.By, Labels: []string{Suspended, s.Instead.String()}, Text: s.Why}
}

// Suspended is what was done instead of a refusal, and whose word that was; the zero
// Suspension when refusals were not suspended.
func (v Verdict) Suspended() Suspension { return suspended(v.Findings) }

func suspended(findings []Finding) Suspension {
	for i := range findings {
		if f := &findings[i]; f.HasLabel(Suspended) {
			s := Suspension{By: f.Source, Instead: Defer, Why: f.Text}
			if f.HasLabel(Tag.String()) {
				s.Instead = Tag
			}
			return s
		}
	}
	return Suspension{}
}

// touches reports that the suspension is about such a refusal. Scores that cannot be
// trusted say nothing against a list, or a virus.
func (s Suspension) touches(p *Policy, v *Verdict) bool {
	return s.Lasts() && (s.By != HealthName || v.Reason == Score && !p.IgnoreHealth)
}

// suspend does something milder than to refuse. A virus is put off under both words:
// nobody who marks mail in an emergency means that.
func (p Policy) suspend(v *Verdict) {
	if v.Action != Reject {
		return
	}
	switch s := suspended(v.Findings); {
	case !s.touches(&p, v):
	case s.Instead == Tag && v.Reason != Virus:
		p.mark(v)
		p.search(v) // which did not matter to what was refused
	default:
		v.Action, v.Reason, v.Text = Defer, Emergency, ""
	}
}

// unlessSuspended decides again about what would be refused. Only then it asks. A
// suspension that makes no difference is no part of the story.
func (j *Judge) unlessSuspended(e Envelope, v Verdict) Verdict {
	if v.Action != Reject {
		return v
	}
	s := j.suspended()
	if !s.Lasts() {
		return v
	}
	if milder := j.Policies.Decide(e, append(v.Findings[:len(v.Findings):len(v.Findings)], s.Finding())); milder.Action != Reject {
		return milder
	}
	return v
}

// suspended is what happens at present instead of a refusal.
func (j *Judge) suspended() (s Suspension) {
	if j.Suspended != nil {
		s = j.Suspended()
	}
	return s
}

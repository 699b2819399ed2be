package filter

import (
	"errors"
	"slices"
	"strings"
)

// Why a stored message cannot be decided about again.
var (
	// ErrUnscanned is for a message that a list refused before anybody looked at it:
	// now a scanner would be asked, and what it would have said nobody knows.
	ErrUnscanned = errors.New("a list refused it unscanned, and would not now")

	// ErrNoPolicy is for a message whose addresses are hashed, and whose policy is not
	// there any more: which one its recipients are under now cannot be looked up.
	ErrNoPolicy = errors.New("its addresses are hashed, and its policy is not there any more")
)

// Again decides about a stored message: the lists are asked anew about its envelope,
// and the policies weigh what the scanners said then. It asks nobody.
//
// What it cannot do anew is look at the content. An answer that rests on a signature
// (Lists.AcceptSigned) stays while its entry is on the list; a further entry finds
// nothing, since nobody has kept who signed. So do the name of a mailing list that
// signed, what a PolicyMap said, and the exception that was in force.
func (j *Judge) Again(e Envelope, stored []Finding) (Verdict, error) {
	findings := slices.DeleteFunc(slices.Clone(stored), func(f Finding) bool { return f.HasLabel(Listed) })
	now := j.Lists.Look(e)
	if known := slices.Concat(now, assigned(stored)); j.refused(&e, slices.Concat(known, suspensions(stored))) {
		return j.Policies.Decide(e, known), nil
	}
	if len(findings) == 0 && refusedByList(stored) {
		return Verdict{}, ErrUnscanned
	}
	findings = append(findings, now...)
	for _, f := range stored {
		if f.HasLabel(MailingList) || len(f.Assigned) > 0 {
			findings = append(findings, f)
			continue
		}
		domain, signed := strings.CutPrefix(f.ListEntry(), signedEntry)
		if _, listed := j.Lists.AcceptSigned.find([]string{entry(domain)}); signed && listed {
			findings = append(findings, f)
		}
	}
	return j.exceptedAgain(e, stored, j.Policies.Decide(e, findings)), nil
}

// exceptedAgain applies the exception of that time where the score matters now.
func (j *Judge) exceptedAgain(e Envelope, stored []Finding, v Verdict) Verdict {
	for _, f := range stored {
		if f.Source == ExceptionsName && v.ByScore() {
			return j.unlessStricter(e, v, f)
		}
	}
	return v
}

// AgainByName does the same when addresses cannot be read any more. The recipients
// are under the policies that the record names, as these are now, and what the lists
// said stays.
func (j *Judge) AgainByName(was Verdict) (Verdict, error) {
	groups := make([]group, 0, max(1, len(was.Opinions)))
	for _, o := range was.Opinions {
		groups = append(groups, group{Policy{Name: o.Policy}, o.Recipients})
	}
	if len(groups) == 0 {
		groups = append(groups, group{policy: Policy{Name: was.Policy}})
	}
	for i := range groups {
		policy, known := j.Policies.named(groups[i].policy.Name)
		if !known {
			return Verdict{}, ErrNoPolicy
		}
		groups[i].policy = policy
	}
	return j.Policies.Mixed.decide(groups, was.Findings), nil
}

// assigned are the findings with what a PolicyMap said.
func assigned(stored []Finding) (found []Finding) {
	for _, f := range stored {
		if len(f.Assigned) > 0 {
			found = append(found, f)
		}
	}
	return found
}

// suspensions are the findings that refusals were suspended.
func suspensions(stored []Finding) (found []Finding) {
	for _, f := range stored {
		if f.HasLabel(Suspended) {
			found = append(found, f)
		}
	}
	return found
}

func refusedByList(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Advice == Reject && f.ListEntry() != "" })
}

// named is the policy of a name as a record has it, with what is behind it.
func (ps *Policies) named(name string) (Policy, bool) {
	name, behind, _ := strings.Cut(name, "/")
	p, known := ps.configured(name)
	for suffix := range strings.SplitSeq(behind, "/") {
		switch limit := p.ForwardedRejectAt; "/" + suffix {
		case ForwardedSuffix:
			if limit > 0 && (p.RejectAt == 0 || limit < p.RejectAt) {
				p.RejectAt = limit
			}
		case ForwarderSuffix, PostmasterSuffix:
			p.TagOnly = true
		case UnmappedSuffix:
			p.Unmapped = ps.onMapFailure()
		case AcceptedSuffix:
			p.Listed = Accept
		case RefusedSuffix:
			p.Listed = Reject
		}
		if suffix != "" {
			p.Name += "/" + suffix
		}
	}
	return p, known
}

// configured is the policy of a name in the configuration.
func (ps *Policies) configured(name string) (Policy, bool) {
	switch name {
	case ps.Default.Name:
		return ps.Default, true
	case OwnPolicy:
		return ps.Own(), true
	}
	if p, known := ps.Named[name]; known {
		return p, true
	}
	if ps.Selection != nil {
		for i := range ps.Selection.scopes {
			if p := ps.Selection.scopes[i].Policy; p.Name == name {
				return p, true
			}
		}
	}
	for _, p := range ps.Listeners {
		if p.Name == name {
			return p, true
		}
	}
	return Policy{}, false
}

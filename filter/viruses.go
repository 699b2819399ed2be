package filter

import "time"

// A source that looks for viruses (Finding.Viruses) and one that looks for spam answer
// two questions, and neither stands in for the other. So whether anybody has answered
// is asked for each of the two by itself: a scanner for viruses that is down must not
// pass unnoticed because spamd answered, nor the other way round.

// unscanned reports whether sources of one of the two kinds were asked, and the cause
// when none of them answered; and for how long the one that answered last has been
// silent. Busy is the cause only if every source was: else something is broken.
func unscanned(findings []Finding, viruses bool) (asked bool, cause Cause, blind time.Duration) {
	for i := range findings {
		f := &findings[i]
		switch {
		case f.Viruses != viruses || f.HasLabel(Listed) || f.HasLabel(Suspended):
			continue
		case f.Cause == "":
			return true, "", 0
		case !asked:
			cause, blind = f.Cause, f.Blind
		case cause == CauseBusy:
			cause = f.Cause
		}
		asked, blind = true, min(blind, f.Blind)
	}
	return asked, cause, blind
}

// virus is the finding of one that was found, or nil.
func virus(findings []Finding) *Finding {
	for i := range findings {
		if f := &findings[i]; f.Viruses && f.Cause == "" && f.Advice == Reject {
			return f
		}
	}
	return nil
}

// search adds what is known about viruses to a verdict about everything else. A virus
// goes before all that, the cap for own mail and the lists too: it harms whoever opens
// it, and no legitimate sender wants to have sent it.
//
// That nobody has looked for viruses matters only to mail that would pass. Spam is
// refused whether a virus is in it or not.
func (p Policy) search(v *Verdict) {
	found := virus(v.Findings)
	_, cause, _ := unscanned(v.Findings, true)
	switch {
	case found != nil && !p.TagViruses:
		v.Action, v.Reason, v.Text = Reject, Virus, p.adviceText(found)
	case !v.Action.Passes():
	case found != nil:
		v.Action, v.Reason, v.Text = Tag, Virus, ""
	case cause == "":
	case p.OnVirusScanFailure != Accept:
		v.Action, v.Reason, v.Text = Defer, blindReason(cause), ""
	case v.Action == Accept && v.Reason != Unscanned && v.Reason != Busy:
		v.Reason = blindReason(cause) // it is not clean for all that anybody knows
	}
}

func blindReason(c Cause) Reason {
	if c == CauseBusy {
		return Busy
	}
	return Unscanned
}

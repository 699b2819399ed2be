package journal

import (
	"slices"

	"proxyfilter/filter"
)

// What is left of a Record that is too long for a line. Its parts have bounds of
// their own, but strangers can fill several of them at once; the Record must not go
// for that, since its reference was told to somebody.
const (
	shortRecipients = 4 << 10 // bytes of the recipients, and of those of each opinion
	shortText       = 4 << 10 // bytes of any text
)

// shortened is an entry without what makes it long and is missed least: most
// recipients, what the policy map said of them, and the descriptions of rules.
func shortened(e Entry) Entry {
	r := &e.Record
	e.Recipients = max(e.Recipients, len(r.Envelope.Recipients))
	r.Envelope.Recipients, _ = fitting(r.Envelope.Recipients, shortRecipients)
	r.Err, r.Reply, r.Verdict.Text = short(r.Err), short(r.Reply), short(r.Verdict.Text)
	v := &r.Verdict
	v.Opinions = slices.Clone(v.Opinions)
	for i := range v.Opinions {
		o := &v.Opinions[i]
		o.Recipients, _ = fitting(o.Recipients, shortRecipients/len(v.Opinions))
	}
	v.Findings = slices.Clone(v.Findings)
	for i := range v.Findings {
		f := &v.Findings[i]
		f.Assigned, f.Err, f.Text = nil, short(f.Err), short(f.Text)
		f.Rules = slices.Clone(f.Rules)
		for j := range f.Rules {
			f.Rules[j] = filter.Rule{Name: f.Rules[j].Name, Points: f.Rules[j].Points}
		}
	}
	return e
}

// short cuts a text; half a character at its end becomes U+FFFD.
func short(s string) string { return s[:min(len(s), shortText)] }

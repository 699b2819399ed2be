package filter

import (
	"context"
	"strings"
	"time"
)

// DefaultListsMargin is how much higher than RejectAt the limit for mail of mailing
// lists is, where a policy names none.
const DefaultListsMargin = 5.0

// mailingListEntry stands before the name of a list in a Finding.
const mailingListEntry = "mailing_list "

// spareList weighs a message again that a mailing list may have sent. Whether one has,
// is looked for only if the answer would be another: the search costs a look into
// DNS, at servers that a stranger may have chosen.
func (j *Judge) spareList(ctx context.Context, m *Message, v Verdict) Verdict {
	if j.MailingList == nil || m.Content == nil {
		return v
	}
	findings := append(v.Findings[:len(v.Findings):len(v.Findings)], fromList("?"))
	if would := j.Policies.Decide(m.Envelope, findings); would.Action == v.Action && would.Would == v.Would {
		return v
	}
	start := time.Now()
	id, found := j.MailingList(ctx, m.Content)
	if !found {
		return v
	}
	f := fromList(id)
	f.Took = time.Since(start)
	findings[len(findings)-1] = f
	return j.Policies.Decide(m.Envelope, findings)
}

func fromList(id string) Finding {
	f := listed(Undecided, mailingListEntry+id)
	f.Labels = append(f.Labels, MailingList)
	return f
}

// MailingList is the name of the list that the message comes from, or nothing when
// the finding does not say.
func (f Finding) MailingList() string {
	if !f.HasLabel(MailingList) {
		return ""
	}
	return strings.TrimPrefix(f.ListEntry(), mailingListEntry)
}

// sparesList reports mail of a list with a score below the limit for such mail.
func (p Policy) sparesList(v Verdict) bool {
	limit := p.ListsRejectAt
	if limit == 0 {
		limit = p.RejectAt + DefaultListsMargin
	}
	if v.Score >= limit {
		return false
	}
	for _, f := range v.Findings {
		if f.HasLabel(MailingList) {
			return true
		}
	}
	return false
}

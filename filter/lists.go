package filter

import (
	"slices"
	"strings"
)

// Lists are the senders, clients and recipients that somebody has decided about already.
// A hit is a Finding like a scanner's, so that a record tells of it and a replay sees it.
//
// A client is who connects, and nobody can pretend to be another: the lists of
// clients are sure. A sender is whoever the client says. To refuse him is what
// he asks for; to accept everything in his name would open the door to anybody who
// knows it, so a sender on the list is tagged at most.
//
// A recipient on a list decides for himself, and not for those who get the same message:
// else whoever adds the address of a complaints desk would reach everybody, and whoever
// adds one that takes no mail would keep a message from all. So he is under his policy as
// a list changes it (Policy.AsListed), and Mixed makes one answer of it and the others.
type Lists struct {
	AcceptClients, RefuseClients       *Networks
	AcceptSenders, RefuseSenders       *Recipients
	AcceptRecipients, RefuseRecipients *Recipients

	// Delimiters begin the extension of a recipient's address, as for NewSelection.
	Delimiters string

	// AcceptSigned are domains whose signed mail is accepted (see Judge.Signer). A
	// signature says more than a sender: nobody can make one in another's name.
	AcceptSigned *Recipients
}

// signs is the entry for a domain that may have signed.
func (l Lists) signs(domain string) (entry string, found bool) {
	return l.AcceptSigned.find(lookupsOf(nil, "@"+trimmed(domain), "")[1:])
}

// ListsName is the source of the findings.
const ListsName = "lists"

// RefusedText is what a refused sender reads. "{id}" and "{contact}" are replaced.
const RefusedText = "Message refused: this sender or client is not welcome here (ref {id}){contact}"

// RefusedRecipientText is what he reads when it is about the recipients.
const RefusedRecipientText = "Message refused: its recipient takes no mail (ref {id}){contact}"

// Look is what the lists say of an envelope. A refusal goes before everything else, and
// that of a client or sender is all there is to say.
func (l Lists) Look(e Envelope) []Finding {
	sender := sender(e)
	if p, found := l.RefuseClients.find(e.Client.Addr); found {
		return []Finding{listed(Reject, "refuse_clients "+p.String())}
	}
	if entry, found := l.RefuseSenders.find(sender); found {
		return []Finding{listed(Reject, "refuse_senders "+entry)}
	}
	all := l.recipients(e.Recipients)
	if f, found := l.accepts(e, sender); found {
		all = append(all, f)
	}
	return all
}

// accepts is what is in favour of the client or the sender.
func (l Lists) accepts(e Envelope, sender []string) (Finding, bool) {
	if p, found := l.AcceptClients.find(e.Client.Addr); found {
		return listed(Accept, "accept_clients "+p.String()), true
	}
	if entry, found := l.AcceptSenders.find(sender); found {
		f := listed(Undecided, "accept_senders "+entry)
		f.Labels = append(f.Labels, Spared)
		return f, true
	}
	return Finding{}, false
}

// Recipient is what the lists say of one recipient, and the entry: Reject, Accept, or
// Undecided.
func (l Lists) Recipient(recipient string) (Action, string) {
	if l.AcceptRecipients == nil && l.RefuseRecipients == nil {
		return Undecided, ""
	}
	var names [maxLookups]string
	look := lookups(names[:0], recipient, l.Delimiters)
	if entry, found := l.RefuseRecipients.find(look); found {
		return Reject, entry
	}
	if entry, found := l.AcceptRecipients.find(look); found {
		return Accept, entry
	}
	return Undecided, ""
}

// maxEntries is how many entries a Finding names. Its recipients are all there.
const maxEntries = 5

// recipients are what the lists say of them: a Finding for those who are refused, and one
// for those who are accepted.
func (l Lists) recipients(all []string) (findings []Finding) {
	for _, list := range []struct {
		advice    Action
		key, text string
	}{{Reject, "refuse_recipients ", RefusedRecipientText}, {Accept, "accept_recipients ", ""}} {
		var entries, on []string
		for _, r := range all {
			advice, entry := l.Recipient(r)
			if advice != list.advice {
				continue
			}
			on = append(on, r)
			if len(entries) < maxEntries && !slices.Contains(entries, entry) {
				entries = append(entries, entry)
			}
		}
		if len(on) > 0 {
			f := listed(list.advice, list.key+strings.Join(entries, ", "))
			f.Recipients, f.Text = on, list.text
			findings = append(findings, f)
		}
	}
	return findings
}

// listedRecipients is what the findings say of recipients that are on a list.
func listedRecipients(findings []Finding) map[string]Action {
	var all map[string]Action
	for i := range findings {
		for _, r := range findings[i].Recipients {
			if all == nil {
				all = make(map[string]Action, len(findings[i].Recipients))
			}
			all[r] = findings[i].Advice
		}
	}
	return all
}

// refuses reports that the findings of lists refuse what a recipient gets.
func refuses(listed []Finding, recipient string) bool {
	return slices.ContainsFunc(listed, func(f Finding) bool {
		return f.Advice == Reject && (len(f.Recipients) == 0 || slices.Contains(f.Recipients, recipient))
	})
}

// AsListed is the policy for a recipient of whom the lists say that: see Lists.Recipient.
func (p Policy) AsListed(advice Action) Policy {
	switch advice {
	case Accept:
		p.Name += AcceptedSuffix
	case Reject:
		p.Name += RefusedSuffix
	default:
		return p
	}
	p.Listed = advice
	return p
}

// sender are the lookups of who is said to have sent it. A bounce is from nobody.
func sender(e Envelope) []string {
	if e.Sender == "" {
		return nil
	}
	return lookupsOf(nil, Originator(e.Sender), "")
}

// ListEntry is the key and the entry of a finding that is a list's, such as
// "accept_clients 192.0.2.0/24"; else it is empty.
func (f Finding) ListEntry() string {
	if f.Source != ExceptionsName && f.HasLabel(Listed) && len(f.Labels) > 1 && len(f.Assigned) == 0 {
		return f.Labels[1]
	}
	return ""
}

func listed(advice Action, entry string) Finding {
	f := Finding{Source: ListsName, Advice: advice, Labels: []string{Listed, entry}}
	if advice == Reject {
		f.Text = RefusedText
	}
	return f
}

// spared reports a sender on the list of those who are tagged at most.
func spared(findings []Finding) bool {
	for _, f := range findings {
		if f.HasLabel(Spared) {
			return true
		}
	}
	return false
}

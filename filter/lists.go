package filter

// Lists are the senders and clients that somebody has decided about already. A hit
// is a Finding like a scanner's, so that a record tells of it and a replay sees it.
//
// A client is who connects, and nobody can pretend to be another: the lists of
// clients are sure. A sender is whoever the client says. To refuse him is what
// he asks for; to accept everything in his name would open the door to anybody who
// knows it, so a sender on the list is tagged at most.
type Lists struct {
	AcceptClients, RefuseClients *Networks
	AcceptSenders, RefuseSenders *Recipients

	// AcceptSigned are domains whose signed mail is accepted (see Judge.Signer). A
	// signature says more than a sender: nobody can make one in another's name.
	AcceptSigned *Recipients
}

// signs is the entry for a domain that may have signed.
func (l Lists) signs(domain string) (entry string, found bool) {
	return l.AcceptSigned.find(lookups(nil, "@"+domain, "")[1:])
}

// ListsName is the source of the findings.
const ListsName = "lists"

// RefusedText is what a refused sender reads. "{id}" and "{contact}" are replaced.
const RefusedText = "Message refused: this sender or client is not welcome here (ref {id}){contact}"

// Look is what the lists say of an envelope, if they say anything. A refusal goes
// before everything else.
func (l Lists) Look(e Envelope) (Finding, bool) {
	sender := sender(e)
	if p, found := l.RefuseClients.find(e.Client.Addr); found {
		return listed(Reject, "refuse_clients "+p.String()), true
	}
	if entry, found := l.RefuseSenders.find(sender); found {
		return listed(Reject, "refuse_senders "+entry), true
	}
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

// sender are the lookups of who is said to have sent it. A bounce is from nobody.
func sender(e Envelope) []string {
	if e.Sender == "" {
		return nil
	}
	return lookups(nil, e.Sender, "")
}

// ListEntry is the key and the entry of a finding that is a list's, such as
// "accept_clients 192.0.2.0/24"; else it is empty.
func (f Finding) ListEntry() string {
	if f.HasLabel(Listed) && len(f.Labels) > 1 && len(f.Assigned) == 0 {
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

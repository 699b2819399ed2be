package filter

import "strings"

// Evidence is how a message is known to be wanted, whatever its score.
type Evidence string

// The evidence that a Record can hold.
const (
	ByUser      Evidence = "user"      // its client has logged in, or is in one of Postfix's own networks
	ByClient    Evidence = "client"    // Lists.AcceptClients
	BySender    Evidence = "sender"    // Lists.AcceptSenders
	BySignature Evidence = "signature" // Lists.AcceptSigned, and the signature was valid
)

// signedEntry begins the entry of a finding that rests on a signature.
const signedEntry = "accept_signed "

// Wanted is how the message is known to be wanted; empty when nothing is known.
func (r *Record) Wanted() Evidence {
	if r.Envelope.Client.Authenticated || r.Envelope.Client.Local {
		return ByUser
	}
	for i := range r.Verdict.Findings {
		switch key, _, _ := strings.Cut(r.Verdict.Findings[i].ListEntry(), " "); key {
		case "accept_clients":
			return ByClient
		case "accept_senders":
			return BySender
		case "accept_signed":
			return BySignature
		}
	}
	return ""
}

// SenderConfirmed reports that SpamAssassin has found the envelope's sender to be of the
// domain that he names, by SPF or by a valid signature of that domain. Anybody can claim
// to be a correspondent.
//
// DKIM_VALID_AU is not asked: it is about the header's From, where one domain that has
// signed may stand beside another that has not, and the envelope may name a third.
func (v *Verdict) SenderConfirmed() bool {
	for i := range v.Findings {
		for j := range v.Findings[i].Rules {
			if name := v.Findings[i].Rules[j].Name; name == "SPF_PASS" || name == "DKIM_VALID_EF" {
				return true
			}
		}
	}
	return false
}

// Scanned reports that a scanner has answered, so that the score means something: one
// that looks for viruses gives none.
func (v Verdict) Scanned() bool {
	for i := range v.Findings {
		if f := &v.Findings[i]; f.Cause == "" && !f.Viruses && !f.HasLabel(Listed) && !f.HasLabel(Suspended) {
			return true
		}
	}
	return false
}

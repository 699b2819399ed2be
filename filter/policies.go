package filter

import "net/netip"

// OwnPolicy is the name of the built-in policy for mail of one's own users.
const OwnPolicy = "own"

// DefaultPolicy is the name of the policy that applies when no other does.
const DefaultPolicy = "default"

// What is behind the name of a policy that is not applied as it was written.
const (
	ForwardedSuffix  = "/forwarded"  // its limit is the one for recipients that are forwarded elsewhere
	ForwarderSuffix  = "/forwarder"  // it tags at most, because the client forwards mail of others
	PostmasterSuffix = "/postmaster" // it tags at most, because all recipients are postmasters
	UnmappedSuffix   = "/unmapped"   // it is a guess, because the map could not be asked
	AcceptedSuffix   = "/accepted"   // a list accepts what its recipients get
	RefusedSuffix    = "/refused"    // a list refuses it
)

// Policies finds the policy of each recipient of a message, and makes one verdict
// of what they say.
type Policies struct {
	Default   Policy
	Selection *Selection // of the other policies
	Mixed     Mixed      // what happens when recipients of one message differ

	// Listeners are policies of everything that comes through one front door,
	// whoever the recipient is. A listener that is not in the map has no say,
	// and its mail is told apart by envelope.
	Listeners map[string]Policy

	// Named are the policies that an Assignment may name.
	Named map[string]Policy

	// OnMapFailure is Accept when the policy that would apply without the map decides
	// about a recipient for whom the map could not be asked; what it refuses is then
	// deferred. Else all his mail is deferred.
	OnMapFailure Action
}

// Match is the policy of one recipient, and why it is that one.
type Match struct {
	Policy    Policy
	Recipient string       // the entry that lists the recipient; empty when none decided
	Client    netip.Prefix // the network that lists the client; zero when none decided
	Listener  bool         // the policy is that of the listener, or names it
	Own       bool         // the client is authenticated or local
	Forwarded string       // the entry that lowered the limit; empty when none did
	Forwarder netip.Prefix // the network that is forwarded from; zero when none is

	// Assignment is that of the PolicyMap when it decided, or should have.
	Assignment Assignment
}

// For is the policy of one recipient.
//
// Authenticated mail, and mail from Postfix's own networks, is tagged at most
// unless a policy is for its listener by name: its sender is a user to whom one can
// talk, and rules about dial-up addresses and missing fields misfire on
// submissions.
//
// What a map says of the recipient goes before the lists of the policies; it has no say
// where a listener has, nor about own mail.
func (ps *Policies) For(e Envelope, recipient string, said ...Assignment) Match {
	return ps.find(&e, recipient, assignments([]Finding{{Assigned: said}}))
}

func (ps *Policies) find(e *Envelope, recipient string, said map[string]Assignment) Match {
	var names [maxLookups]string
	return ps.match(e, lookups(names[:0], recipient, ps.delimiters()), said[recipient])
}

func (ps *Policies) delimiters() string {
	if ps.Selection == nil {
		return ""
	}
	return ps.Selection.delimiters
}

func (ps *Policies) match(e *Envelope, names []string, said Assignment) Match {
	var m Match
	own := e.Client.Local || e.Client.Authenticated
	pinned, isPinned := ps.Listeners[e.Listener]
	found, isSelected := ps.Selection.find(e, names, own)
	switch {
	case isPinned:
		m = Match{Policy: pinned, Listener: true}
	case !own && said.Policy != "" && said.Err == "":
		m = Match{Policy: ps.assigned(said.Policy), Assignment: said}
	case isSelected:
		m = Match{Policy: found.scope.Policy, Recipient: found.recipient, Client: found.client, Listener: found.listener}
	case own:
		return Match{Policy: ps.Own(), Own: true}
	default:
		m = Match{Policy: ps.Default}
	}
	if !own && !isPinned {
		m = ps.unmapped(m, said)
	}
	return m.forwarder(e.Client.Addr).forwarded(names)
}

// assigned is the policy of that name, or the default one: a mistake in a database must
// not lose mail.
func (ps *Policies) assigned(name string) Policy {
	if p, known := ps.configured(name); known {
		return p
	}
	return ps.Default
}

// forwarder spares mail from a host that forwards mail of others: it took the message
// from somebody else, and would have to send a refusal back to a forged sender.
func (m Match) forwarder(client netip.Addr) Match {
	if from, found := m.Policy.Forwarders.find(client); found && !m.Policy.TagOnly {
		m.Forwarder = from
		m.Policy.Name += ForwarderSuffix
		m.Policy.TagOnly = true
	}
	return m
}

// forwarded lowers the limit for a recipient that is forwarded elsewhere: what the
// next server refuses comes back to the sender as a bounce of our own making.
func (m Match) forwarded(names []string) Match {
	limit := m.Policy.ForwardedRejectAt
	if limit == 0 || m.Policy.TagOnly || m.Policy.RejectAt > 0 && m.Policy.RejectAt <= limit {
		return m
	}
	if listed, found := m.Policy.Forwarded.find(names); found {
		m.Forwarded = listed
		m.Policy.Name += ForwardedSuffix
		m.Policy.RejectAt = limit
	}
	return m
}

// Own is the default policy, capped at Tag.
func (ps *Policies) Own() Policy {
	own := ps.Default
	own.Name, own.TagOnly = OwnPolicy, true
	return own
}

// Decide weighs findings for all recipients of a message. It is a pure function,
// as Policy.Decide is.
func (ps *Policies) Decide(e Envelope, findings []Finding) Verdict {
	return ps.Mixed.decide(ps.groups(&e, findings), findings)
}

// Apart reports that a recipient of a transaction that has some already needs a
// transaction of its own, because it is under another policy than the first.
func (ps *Policies) Apart(e Envelope, recipient string) bool { return ps.apart(e, recipient, nil) }

func (ps *Policies) apart(e Envelope, recipient string, said map[string]Assignment) bool {
	return ps.Mixed == Split && len(e.Recipients) > 0 &&
		ps.find(&e, recipient, said).Policy.Name != ps.find(&e, e.Recipients[0], said).Policy.Name
}

// group is the recipients under one policy.
type group struct {
	policy     Policy
	recipients []string
}

// groups are the recipients by policy. There is always one group.
func (ps *Policies) groups(e *Envelope, findings []Finding) []group {
	all := ps.sorted(e, assignments(findings), listedRecipients(findings))
	if Postmasters(e.Recipients) {
		for i := range all {
			all[i].policy = all[i].policy.Spared()
		}
	}
	return all
}

// sorted are the recipients in the order in which their policies came.
func (ps *Policies) sorted(e *Envelope, said map[string]Assignment, listed map[string]Action) []group {
	if len(e.Recipients) < 2 || len(said) == 0 && len(listed) == 0 && ps.alike(e) {
		first := ""
		if len(e.Recipients) > 0 {
			first = e.Recipients[0]
		}
		return []group{{ps.find(e, first, said).Policy.AsListed(listed[first]), e.Recipients}}
	}
	var all []group
	index := map[string]int{}
	for _, recipient := range e.Recipients {
		policy := ps.find(e, recipient, said).Policy.AsListed(listed[recipient])
		i, known := index[policy.Name]
		if !known {
			i = len(all)
			index[policy.Name] = i
			all = append(all, group{policy: policy})
		}
		all[i].recipients = append(all[i].recipients, recipient)
	}
	return all
}

// alike reports that the recipients make no difference.
func (ps *Policies) alike(e *Envelope) bool {
	if p, set := ps.Listeners[e.Listener]; set {
		return p.Forwarded == nil
	}
	return ps.Selection == nil && ps.Default.Forwarded == nil
}

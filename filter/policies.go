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
}

// For is the policy of one recipient.
//
// Authenticated mail, and mail from Postfix's own networks, is tagged at most
// unless a policy is for its listener by name: its sender is a user to whom one can
// talk, and rules about dial-up addresses and missing fields misfire on
// submissions.
func (ps Policies) For(e Envelope, recipient string) Match {
	var names [maxLookups]string
	return ps.match(&e, lookups(names[:0], recipient, ps.delimiters()))
}

func (ps *Policies) delimiters() string {
	if ps.Selection == nil {
		return ""
	}
	return ps.Selection.delimiters
}

func (ps *Policies) match(e *Envelope, names []string) Match {
	if p, set := ps.Listeners[e.Listener]; set {
		return Match{Policy: p, Listener: true}.forwarder(e.Client.Addr).forwarded(names)
	}
	own := e.Client.Local || e.Client.Authenticated
	if found, ok := ps.Selection.find(e, names, own); ok {
		m := Match{Policy: found.scope.Policy, Recipient: found.recipient, Client: found.client, Listener: found.listener}
		return m.forwarder(e.Client.Addr).forwarded(names)
	}
	if own {
		return Match{Policy: ps.Own(), Own: true}
	}
	return Match{Policy: ps.Default}.forwarder(e.Client.Addr).forwarded(names)
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
func (ps Policies) Own() Policy {
	own := ps.Default
	own.Name, own.TagOnly = OwnPolicy, true
	return own
}

// Decide weighs findings for all recipients of a message. It is a pure function,
// as Policy.Decide is.
func (ps Policies) Decide(e Envelope, findings []Finding) Verdict {
	return ps.Mixed.decide(ps.groups(&e), findings)
}

// Apart reports that a recipient of a transaction that has some already needs a
// transaction of its own, because it is under another policy than the first.
func (ps Policies) Apart(e Envelope, recipient string) bool {
	return ps.Mixed == Split && len(e.Recipients) > 0 &&
		ps.For(e, recipient).Policy.Name != ps.For(e, e.Recipients[0]).Policy.Name
}

// group is the recipients under one policy.
type group struct {
	policy     Policy
	recipients []string
}

// groups are the recipients by policy. There is always one group.
func (ps *Policies) groups(e *Envelope) []group {
	all := ps.sorted(e)
	if Postmasters(e.Recipients) {
		for i := range all {
			all[i].policy = all[i].policy.Spared()
		}
	}
	return all
}

// sorted are the recipients in the order in which their policies came.
func (ps *Policies) sorted(e *Envelope) []group {
	if len(e.Recipients) < 2 || ps.alike(e) {
		first := ""
		if len(e.Recipients) > 0 {
			first = e.Recipients[0]
		}
		return []group{{ps.For(*e, first).Policy, e.Recipients}}
	}
	var all []group
	index := map[string]int{}
	for _, recipient := range e.Recipients {
		policy := ps.For(*e, recipient).Policy
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

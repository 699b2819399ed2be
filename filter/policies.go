package filter

// OwnPolicy is the name of the built-in policy for mail of one's own users.
const OwnPolicy = "own"

// DefaultPolicy is the name of the policy that applies when no other does.
const DefaultPolicy = "default"

// Policies finds the policy of a message.
type Policies struct {
	Default Policy

	// Listeners names the policy of everything that comes through one front
	// door: DefaultPolicy or OwnPolicy. A listener that is not in the map has
	// no say, and its mail is told apart by envelope.
	Listeners map[string]string
}

// For is the policy of the envelope. Authenticated mail, and mail from
// Postfix's own networks, is tagged at most: its sender is a user to whom one
// can talk, and rules about dial-up addresses and missing fields misfire on
// submissions.
func (ps Policies) For(e Envelope) Policy {
	switch name, set := ps.Listeners[e.Listener]; {
	case set && name == OwnPolicy:
		return ps.Own()
	case !set && (e.Client.Local || e.Client.Authenticated):
		return ps.Own()
	}
	return ps.Default
}

// Own is the default policy, capped at Tag.
func (ps Policies) Own() Policy {
	own := ps.Default
	own.Name, own.TagOnly = OwnPolicy, true
	return own
}

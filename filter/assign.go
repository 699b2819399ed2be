package filter

import (
	"context"
	"time"
)

// A PolicyMap knows, from outside of the configuration, which policy a recipient has
// chosen: the provider's database of customers.
type PolicyMap interface {
	// Assign asks about recipients, as they stand in the envelope, and returns what
	// there is to say: nothing about one whom the map does not have. It returns
	// within a bound of its own, or shortly after the context has ended.
	Assign(ctx context.Context, recipients []string) []Assignment
}

// PolicyMapName is the source of the findings with Assignments.
const PolicyMapName = "policy_map"

// Assignment is what a PolicyMap says of one recipient.
type Assignment struct {
	Recipient string // as in the envelope
	Policy    string // of Policies.Named; an unknown one means the default policy
	Mailbox   string // whose preferences a scanner may use; may be empty

	// Stale says that the map could not be asked, and that this is what it said before.
	Stale bool

	// Err is why nobody knows. The recipient may have a policy of his own then.
	Err string
}

// assignments are those of all findings, by recipient.
func assignments(findings []Finding) map[string]Assignment {
	var all map[string]Assignment
	for i := range findings {
		for _, a := range findings[i].Assigned {
			if all == nil {
				all = make(map[string]Assignment, len(findings[i].Assigned))
			}
			all[a.Recipient] = a
		}
	}
	return all
}

// assign asks the map, where its word counts. What it says is a Finding like any
// other, so that a Record has it and a replay needs no map.
func (j *Judge) assign(ctx context.Context, e *Envelope) []Finding {
	if j.Map == nil || !j.Policies.mapped(e) {
		return nil
	}
	start := time.Now()
	f := Finding{Source: PolicyMapName, Labels: []string{Listed}, Assigned: j.Map.Assign(ctx, e.Recipients)}
	if f.Took = time.Since(start); len(f.Assigned) == 0 {
		return nil
	}
	for _, a := range f.Assigned {
		switch {
		case a.Err != "":
			f.Cause, f.Err = CauseUnreachable, a.Err
		case a.Stale && !f.HasLabel(Stale):
			f.Labels = append(f.Labels, Stale)
		}
	}
	return []Finding{f}
}

// mailbox is the one that all recipients share, or nothing.
func mailbox(recipients []string, findings []Finding) string {
	all := assignments(findings)
	shared := ""
	for i, r := range recipients {
		m := all[r].Mailbox
		if m == "" || i > 0 && m != shared {
			return ""
		}
		shared = m
	}
	return shared
}

// Apart reports that a further recipient of an envelope needs a transaction of its
// own: see Policies.Apart. It asks the map about the two, if there is one, and nobody
// else. Where the map does not answer they stay together, and are decided about at the
// end of data. A recipient on a list is apart from one who is not.
func (j *Judge) Apart(e Envelope, recipient string) bool {
	if j.Policies.Mixed == Split && len(e.Recipients) > 0 {
		first, _ := j.Lists.Recipient(e.Recipients[0])
		if other, _ := j.Lists.Recipient(recipient); other != first {
			return true
		}
	}
	if j.Map == nil || !j.Policies.mapped(&e) || j.Policies.Mixed != Split || len(e.Recipients) == 0 {
		return j.Policies.Apart(e, recipient)
	}
	said := j.Map.Assign(context.Background(), []string{e.Recipients[0], recipient})
	for _, a := range said {
		if a.Err != "" {
			return false
		}
	}
	return j.Policies.apart(e, recipient, assignments([]Finding{{Assigned: said}}))
}

// mapped reports that a map has a say about the mail: it is neither that of one's own
// users nor through a listener with a policy for all its mail.
func (ps *Policies) mapped(e *Envelope) bool {
	_, pinned := ps.Listeners[e.Listener]
	return !pinned && !e.Client.Local && !e.Client.Authenticated
}

// unmapped guesses the policy of a recipient about whom the map could not be asked. He
// may have chosen one that takes what this one refuses, so it refuses nothing for good.
func (ps *Policies) unmapped(m Match, a Assignment) Match {
	if a.Err == "" {
		return m
	}
	m.Assignment = a
	m.Policy.Name += UnmappedSuffix
	m.Policy.Unmapped = ps.onMapFailure()
	return m
}

// onMapFailure is Defer unless accepting was written down.
func (ps *Policies) onMapFailure() Action {
	if ps.OnMapFailure == Accept {
		return Accept
	}
	return Defer
}

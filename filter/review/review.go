// Package review reads many Records and says what they have in common. A Replay
// decides about each of them again, under another policy, and counts what would have
// changed; a Report counts what there was.
//
// Both are fed one Record at a time, and keep counts and not Records, so that their
// memory has nothing to do with the size of a journal: actions, reasons and hours are
// closed sets, a score falls into one of some hundred buckets (Scores), and of
// what strangers choose (clients, recipients, names of rules) only the most frequent
// are kept, by counters whose number is bounded (Top).
//
// Whether a policy is good can be seen from mail of which somebody knows that it was
// wanted: mail of one's own users, mail that a list accepts (Record.Wanted), and mail of
// those to whom users have written before. It is a small part of all mail, and the only
// part about which a program can be sure.
package review

import "proxyfilter/filter"

// Stored is a Record as it was read back.
type Stored struct {
	*filter.Record
	Hashed     bool // its addresses cannot be read
	Recipients int  // how many there were; those of the Record may be cut off
}

// cut reports that not all recipients are known.
func (s Stored) cut() bool { return s.Recipients > len(s.Envelope.Recipients) }

package review

import (
	"cmp"
	"slices"
	"time"

	"proxyfilter/filter"
)

// Replay decides about Records again, and counts what would have changed.
type Replay struct {
	Judge filter.Judge // its scanners are not asked

	// Observe compares what would have happened under policies that only observe.
	// Otherwise it is compared what has happened.
	Observe bool

	Samples int // how many messages of each change are named, the newest

	records  int
	changes  map[[2]filter.Action]*Change
	left     map[string]int
	signable int
	known    correspondents
	scores   Scored
}

// Change is what became of some messages, and what would have become of them.
type Change struct {
	From    filter.Action `json:"from"`
	To      filter.Action `json:"to"`
	Count   int           `json:"count"`
	Wanted  int           `json:"wanted"` // of which it is known that they were
	Samples []Sample      `json:"samples,omitempty"`
}

// Changed reports that it is one.
func (c Change) Changed() bool { return c.From != c.To }

// Sample is one message of many.
type Sample struct {
	Reference string    `json:"reference"`
	Time      time.Time `json:"time"`
	Score     float64   `json:"score"`
	Sender    string    `json:"sender"`
	Recipient string    `json:"recipient"`        // the first one
	Wanted    string    `json:"wanted,omitempty"` // how that is known
}

// Left is what was not decided about again, and why.
type Left struct {
	Why   string `json:"why"`
	Count int    `json:"count"`
}

// Outcome is what a Replay has counted. The counts of Changes and LeftOut add up to
// Records.
type Outcome struct {
	Records int      `json:"records"`
	Changes []Change `json:"changes"` // also those from an action to itself
	LeftOut []Left   `json:"left_out"`

	// Signable are messages that would be marked or refused by score now, were not
	// then, and might bear a signature of a domain that is accepted (see
	// filter.Judge.Again).
	Signable int `json:"signature_not_known"`
}

// Add replays one Record.
func (r *Replay) Add(s Stored) {
	r.records++
	wanted := r.known.evidence(s)
	r.scores.Add(s, wanted)
	now, why := r.decide(s)
	if why != "" {
		if r.left == nil {
			r.left = map[string]int{}
		}
		r.left[why]++
		return
	}
	if r.Judge.Lists.AcceptSigned != nil && now.Reason == filter.Score && s.Verdict.Reason != filter.Score {
		r.signable++
	}
	change := [2]filter.Action{s.Verdict.Action, now.Action}
	if r.Observe {
		change = [2]filter.Action{s.Verdict.Would, now.Would}
	}
	r.count(change, Sample{
		s.Envelope.ID, s.Time, now.Score, s.Envelope.Sender, first(s.Envelope.Recipients), string(wanted),
	})
}

// decide is the new verdict, or why there is none.
func (r *Replay) decide(s Stored) (now filter.Verdict, why string) {
	var err error
	switch {
	case !decided(s.Verdict.Reason):
		return now, "no policy decided about them: " + string(s.Verdict.Reason)
	case s.cut():
		return now, "the journal has not kept all of their recipients"
	case s.Hashed:
		now, err = r.Judge.AgainByName(s.Verdict)
	default:
		now, err = r.Judge.Again(s.Envelope, s.Verdict.Findings)
	}
	if err != nil {
		return now, err.Error()
	}
	return now, ""
}

// decided reports a reason of a policy. Others have nothing to do with what was
// found: too large, gone, refused by the next hop.
func decided(reason filter.Reason) bool {
	switch reason {
	case filter.Clean, filter.Score, filter.Advice, filter.Virus, filter.Busy, filter.Unscanned:
		return true
	}
	return false
}

func (r *Replay) count(key [2]filter.Action, s Sample) {
	if r.changes == nil {
		r.changes = map[[2]filter.Action]*Change{}
	}
	c := r.changes[key]
	if c == nil {
		c = &Change{From: key[0], To: key[1]}
		r.changes[key] = c
	}
	c.Count++
	if s.Wanted != "" {
		c.Wanted++
	}
	if !c.Changed() || r.Samples <= 0 {
		return
	}
	c.Samples = newest(c.Samples, s, r.Samples)
}

func first(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

// Outcome is what was counted so far: changes first, the most frequent first.
func (r *Replay) Outcome() Outcome {
	o := Outcome{Records: r.records, Changes: []Change{}, LeftOut: []Left{}, Signable: r.signable}
	for _, c := range r.changes {
		o.Changes = append(o.Changes, *c)
	}
	slices.SortFunc(o.Changes, func(a, b Change) int {
		return cmp.Or(-compareBool(a.Changed(), b.Changed()), cmp.Compare(b.Count, a.Count), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	for why, n := range r.left {
		o.LeftOut = append(o.LeftOut, Left{why, n})
	}
	slices.SortFunc(o.LeftOut, func(a, b Left) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Why, b.Why)) })
	return o
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// Advise proposes limits from the scores that were seen.
func (r *Replay) Advise() (Advice, error) { return r.scores.Advise() }

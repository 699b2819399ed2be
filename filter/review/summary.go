package review

import (
	"cmp"
	"slices"
	"time"

	"proxyfilter/filter"
)

// Summary is what a Report has counted, for whoever shows it. The counts of Outcomes,
// and those of all Columns, add up to Records.
type Summary struct {
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	Records  int       `json:"records"`
	Hashed   int       `json:"hashed"`   // of these, with addresses that cannot be read
	Observed int       `json:"observed"` // of these, with a milder action than was decided

	Outcomes []Outcomes  `json:"outcomes"` // the most frequent first
	Wanted   []Known     `json:"wanted"`
	Step     float64     `json:"step"` // of the columns, in seconds
	Columns  []Column    `json:"columns"`
	Scores   []Bucket    `json:"scores"`
	Limits   []Limits    `json:"limits"`        // in force, the most frequent first
	Others   []Otherwise `json:"other_limits"`  // what another limit would have done
	Rules    []Ranked    `json:"rules"`         // by messages that hit them
	Clients  []Ranked    `json:"clients"`       // by refusals
	To       []Ranked    `json:"recipients"`    // by messages
	Slowest  []Slow      `json:"slowest_scans"` // the slowest first
	Scanned  Quantiles   `json:"scanned"`
	Waited   Quantiles   `json:"waited"`
	Errors   []Failed    `json:"source_errors"`

	// Relays are hosts that seem to hand on mail of others, the most refusals first.
	Relays []Relay `json:"relays"`

	// Overruled are messages that some recipients' policy would have refused, and that
	// passed because of other recipients; and the newest of them.
	Overruled int      `json:"overruled"`
	Lenient   []Sample `json:"overruled_samples"`

	// Health is what made scores wrong, and Spared how many messages were marked
	// because of it that would have been refused.
	Health []Spell `json:"score_health"`
	Spared int     `json:"spared_by_score_health"`
}

// Outcomes are the messages with one action for one reason.
type Outcomes struct {
	Action filter.Action `json:"action"`
	Reason filter.Reason `json:"reason"`
	Count  int           `json:"count"`
}

// Known are messages that are known to be wanted in one way.
type Known struct {
	How   filter.Evidence `json:"how"`
	Count int             `json:"count"`
}

// Column is what was decided in one step of time. Refused are also those refusals that
// were only observed.
type Column struct {
	From     time.Time `json:"from"`
	Records  int       `json:"records"`
	Accepted int       `json:"accepted"`
	Marked   int       `json:"marked"`
	Deferred int       `json:"deferred"` // and what else did not pass
	Refused  int       `json:"refused"`
}

// Bucket are the messages with a score of one point: from From to below From+1. The
// first one has those below as well, the last one those above.
type Bucket struct {
	From  float64 `json:"from"`
	Count int     `json:"count"`
}

// Limits are those that messages were compared with.
type Limits struct {
	TagAt    float64 `json:"tag_at"`
	RejectAt float64 `json:"reject_at"` // 0: nothing is refused by score
	Count    int     `json:"count"`
}

// Otherwise is what another limit, under all policies, would have changed: so many would have been refused
// that were not, or the other way round. Of mail of one's own users, and of what a list
// decides about, no limit changes anything; it is not counted here.
type Otherwise struct {
	RejectAt   float64 `json:"reject_at"`
	More       int     `json:"more"`
	MoreWanted int     `json:"more_wanted"` // of these, known to be wanted
	Less       int     `json:"less"`
	LessWanted int     `json:"less_wanted"`
}

// Slow is one slow scan. Times are in seconds.
type Slow struct {
	Reference string    `json:"reference"`
	Time      time.Time `json:"time"`
	Scanned   float64   `json:"scanned"`
	Waited    float64   `json:"waited"`
	Size      int64     `json:"size"`

	seconds time.Duration
}

// Quantiles are the span of half of all messages, of 95 and of 99 in a hundred, in
// seconds.
type Quantiles struct {
	Half float64 `json:"half"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
}

// Failed is how often a source could not answer, for one cause.
type Failed struct {
	Source string       `json:"source"`
	Cause  filter.Cause `json:"cause"`
	Count  int          `json:"count"`
}

// Summary is what was counted so far.
func (r *Report) Summary() Summary {
	s := Summary{
		From: r.from, Until: r.to, Records: r.records, Hashed: r.hashed, Observed: r.observed,
		Step: r.step.Seconds(), Columns: slices.Clone(r.columns), Scores: r.scores.buckets(),
		Rules: r.rules.First(shown), Clients: r.clients.First(shown), To: r.recipients.First(shown),
		Slowest: slices.Clone(r.slow), Scanned: r.scanned.quantiles(), Waited: r.waited.quantiles(),
		Health: r.health.list(), Spared: r.health.marked,
		Relays: r.relays.first(shown), Overruled: r.overruled, Lenient: slices.Clone(r.overruledSamples),
	}
	for o, n := range r.outcomes {
		s.Outcomes = append(s.Outcomes, Outcomes{o.action, o.reason, n})
	}
	slices.SortFunc(s.Outcomes, func(a, b Outcomes) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Action, b.Action), cmp.Compare(a.Reason, b.Reason))
	})
	for how, n := range r.wanted {
		s.Wanted = append(s.Wanted, Known{how, n})
	}
	slices.SortFunc(s.Wanted, func(a, b Known) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.How, b.How)) })
	for pair, n := range r.limits {
		s.Limits = append(s.Limits, Limits{pair[0], pair[1], n})
	}
	slices.SortFunc(s.Limits, func(a, b Limits) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.RejectAt, b.RejectAt), cmp.Compare(a.TagAt, b.TagAt))
	})
	for key, n := range r.errors {
		s.Errors = append(s.Errors, Failed{key[0], filter.Cause(key[1]), n})
	}
	slices.SortFunc(s.Errors, func(a, b Failed) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Cause, b.Cause))
	})
	s.Others = r.others(s.Limits)
	return s
}

func (s *Spans) quantiles() Quantiles {
	return Quantiles{s.AtMost(0.5).Seconds(), s.AtMost(0.95).Seconds(), s.AtMost(0.99).Seconds()}
}

// LastBucket is where the last one begins: what is above is not told apart.
const LastBucket = 30

// firstBucket is likewise the end of the other side.
const firstBucket = -10

// buckets are those from the first to the last that has messages.
func (s *Scores) buckets() []Bucket {
	var all []Bucket
	for from := firstBucket; from <= LastBucket; from++ {
		n := s.Between(float64(from), float64(from+1))
		switch from {
		case firstBucket:
			n = s.Total() - s.From(float64(from+1))
		case LastBucket:
			n = s.From(float64(from))
		}
		if n > 0 || len(all) > 0 {
			all = append(all, Bucket{float64(from), n})
		}
	}
	for len(all) > 0 && all[len(all)-1].Count == 0 {
		all = all[:len(all)-1]
	}
	return all
}

// usualReject is around which others are looked at when nothing is refused by score.
const usualReject = 10.0

// others are limits around the one that is in force for most mail.
func (r *Report) others(inForce []Limits) []Otherwise {
	now := usualReject
	for _, l := range inForce {
		if l.RejectAt > 0 {
			now = l.RejectAt
			break
		}
	}
	var all []Otherwise
	for _, by := range []float64{-3, -2.5, -2, -1, 1, 2} {
		limit := now + by
		if limit <= 0 {
			continue
		}
		all = append(all, Otherwise{
			RejectAt: limit,
			More:     r.passed.From(limit), MoreWanted: r.passedWanted.From(limit),
			Less: r.refused.Total() - r.refused.From(limit), LessWanted: r.refusedWanted.Total() - r.refusedWanted.From(limit),
		})
	}
	return all
}

package review

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"proxyfilter/filter"
)

// The bounds of a Report. All of them together are some 20 MB, however many Records
// there are.
const (
	ranks         = 4096 // counters of each Top
	shown         = 10   // of each list in a Summary
	maxColumns    = 72   // of the timeline: it fits a terminal
	maxLimits     = 256  // pairs of limits, or policies that somebody has tried
	maxSources    = 256
	groupBits     = 64 // IPv6 clients are counted by network: each host has many addresses
	labelOfNobody = "unknown"
)

// Report counts what there was in a span of time.
type Report struct {
	from, to time.Time
	step     time.Duration
	columns  []Column

	records, hashed int
	outcomes        map[outcome]int
	observed        int
	wanted          map[filter.Evidence]int
	known           correspondents

	scores                      Scores // of all that were scanned
	passed, refused             Scores // of what a lower limit would refuse, and of what a limit has refused
	passedWanted, refusedWanted Scores // of these, what is known to be wanted
	limits                      map[[2]float64]int

	rules, clients, recipients Top
	slow                       []Slow
	scanned, waited            Spans
	errors                     map[[2]string]int
	relays                     relays
	overruled                  int
	overruledSamples           []Sample
	health                     spells
}

// outcome is what a Record is about in two words.
type outcome struct {
	action filter.Action
	reason filter.Reason
}

// NewReport is an empty Report about the time from one moment until before another.
func NewReport(from, to time.Time) *Report {
	step := time.Hour
	for _, s := range []time.Duration{1, 2, 3, 6, 12, 24, 48, 168, 672, 8760} {
		if step = s * time.Hour; to.Sub(from) <= (maxColumns-1)*step {
			break
		}
	}
	r := &Report{
		from: from, to: to, step: step,
		outcomes: map[outcome]int{}, wanted: map[filter.Evidence]int{},
		limits: map[[2]float64]int{}, errors: map[[2]string]int{},
		rules: Top{Counters: ranks}, clients: Top{Counters: ranks}, recipients: Top{Counters: ranks},
	}
	for at := beginning(from, step); at.Before(to) && len(r.columns) < maxColumns; at = at.Add(step) {
		r.columns = append(r.columns, Column{From: at})
	}
	return r
}

// beginning is when the column begins that a moment is in. Days begin at midnight where
// the reader is.
func beginning(at time.Time, step time.Duration) time.Time {
	midnight := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, at.Location())
	return midnight.Add(at.Sub(midnight).Truncate(step))
}

// Add counts one Record.
func (r *Report) Add(s Stored) {
	v := &s.Verdict
	wanted := r.known.evidence(s)
	r.records++
	r.outcomes[outcome{v.Action, v.Reason}]++
	if v.Would != v.Action {
		r.observed++
	}
	if wanted != "" {
		r.wanted[wanted]++
	}
	r.column(s)
	r.names(s)
	r.score(s, wanted)
	r.sources(s)
	r.health.add(s)
	r.relays.add(s)
	if overruled(v) {
		r.overruled++
		r.overruledSamples = newest(r.overruledSamples, Sample{
			s.Envelope.ID, s.Time, v.Score, s.Envelope.Sender, first(s.Envelope.Recipients), string(wanted),
		}, shown)
	}
}

// newest adds to a list that has room for n.
func newest(all []Sample, s Sample, n int) []Sample {
	if len(all) >= n {
		all = slices.Delete(all, 0, 1)
	}
	return append(all, s)
}

// refused reports a refusal, also one that was only observed.
func refused(v *filter.Verdict) bool { return v.Would == filter.Reject }

// overruled reports that the policy of some recipients would have refused, and that the
// message passed because another one did not.
func overruled(v *filter.Verdict) bool {
	return v.Would.Passes() && slices.ContainsFunc(v.Opinions, func(o filter.Opinion) bool { return o.Would == filter.Reject })
}

// column counts by time.
func (r *Report) column(s Stored) {
	if len(r.columns) == 0 {
		return
	}
	i := int(s.Time.Sub(r.columns[0].From) / r.step)
	c := &r.columns[min(max(i, 0), len(r.columns)-1)]
	c.Records++
	switch {
	case refused(&s.Verdict):
		c.Refused++
	case s.Verdict.Action == filter.Tag:
		c.Marked++
	case s.Verdict.Action == filter.Accept:
		c.Accepted++
	default:
		c.Deferred++
	}
}

// names counts rules, clients and recipients.
func (r *Report) names(s Stored) {
	n := 0
	if refused(&s.Verdict) {
		n = 1
	}
	for i := range s.Verdict.Findings {
		for _, rule := range s.Verdict.Findings[i].Rules {
			r.rules.Add(rule.Name, n)
		}
	}
	if s.Hashed {
		r.hashed++
		return
	}
	if n > 0 {
		r.clients.Add(clientKey(&s.Envelope.Client), n)
	}
	recipients := s.Envelope.Recipients
	if s.Recipient != "" {
		recipients = []string{s.Recipient}
	}
	for _, to := range recipients {
		r.recipients.Add(filter.Mailbox(to), n)
	}
}

func clientKey(c *filter.Client) string {
	addr := c.Addr.Unmap().WithZone("")
	switch {
	case !addr.IsValid():
		return labelOfNobody
	case addr.Is6():
		p, err := addr.Prefix(groupBits)
		if err != nil {
			return labelOfNobody
		}
		return p.String()
	}
	return addr.String()
}

// sources counts how long scanners took, and why they did not answer.
func (r *Report) sources(s Stored) {
	for i := range s.Verdict.Findings {
		f := &s.Verdict.Findings[i]
		key := [2]string{f.Source, string(f.Cause)}
		if _, known := r.errors[key]; f.Cause != "" && (known || len(r.errors) < maxSources) {
			r.errors[key]++
		}
	}
	if s.Scanned <= 0 {
		return
	}
	r.scanned.Add(s.Scanned)
	r.waited.Add(s.Waited)
	if len(r.slow) == shown && s.Scanned <= r.slow[shown-1].seconds {
		return
	}
	at, _ := slices.BinarySearchFunc(r.slow, s.Scanned, func(a Slow, d time.Duration) int { return cmp.Compare(d, a.seconds) })
	r.slow = slices.Insert(r.slow, at, Slow{Reference: s.Envelope.ID, Time: s.Time, Size: s.Size, Scanned: s.Scanned.Seconds(), Waited: s.Waited.Seconds(), seconds: s.Scanned})
	r.slow = r.slow[:min(len(r.slow), shown)]
}

// score counts what is needed to say what another limit would have done.
func (r *Report) score(s Stored, wanted filter.Evidence) {
	v := &s.Verdict
	if !v.Scanned() || !decided(v.Reason) {
		return
	}
	r.scores.Add(v.Score)
	pair := [2]float64{v.TagAt, v.RejectAt}
	if _, known := r.limits[pair]; known || len(r.limits) < maxLimits {
		r.limits[pair]++
	}
	all, known := &r.passed, &r.passedWanted
	switch {
	case v.Reason == filter.Score && refused(v):
		all, known = &r.refused, &r.refusedWanted
	case spared(v, wanted):
		return
	}
	all.Add(v.Score)
	if wanted != "" {
		known.Add(v.Score)
	}
}

// spared reports a message that passed and that no limit would have refused.
func spared(v *filter.Verdict, wanted filter.Evidence) bool {
	return v.Reason == filter.Advice || wanted == filter.ByUser || wanted == filter.BySender ||
		v.RejectAt > 0 && v.Score >= v.RejectAt ||
		strings.HasSuffix(v.Policy, filter.ForwarderSuffix) || strings.HasSuffix(v.Policy, filter.PostmasterSuffix)
}

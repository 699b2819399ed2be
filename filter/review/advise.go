package review

import (
	"errors"
	"fmt"
	"math"
	"time"

	"proxyfilter/filter"
)

// ErrTooLittle is when there is not enough to go by.
var ErrTooLittle = errors.New("there is too little to go by")

// Scored are the scores of all mail that was scanned, and of that which is known to be
// wanted.
type Scored struct {
	All, Wanted Scores
	from, to    time.Time
}

// Add counts one Record, if a scanner has answered.
func (e *Scored) Add(s Stored, wanted filter.Evidence) {
	if !s.Verdict.Scanned() {
		return
	}
	e.All.Add(s.Verdict.Score)
	if wanted != "" {
		e.Wanted.Add(s.Verdict.Score)
	}
	if e.from.IsZero() || s.Time.Before(e.from) {
		e.from = s.Time
	}
	if s.Time.After(e.to) {
		e.to = s.Time
	}
}

// What is needed for advice. A weekend is not like a week, and of a hundred messages
// none says anything about one in a thousand.
const (
	EnoughScanned = 1000
	EnoughWanted  = 100
	EnoughTime    = 3 * 24 * time.Hour
)

// The bounds of advice.
const (
	leastReject = 8.0  // SpamAssassin's own statistics: 0.05 % of wanted mail at 8, none at 10
	mostReject  = 20.0 // a limit above this refuses hardly anything
	leastTag    = 4.0
	mostTag     = 8.0
	margin      = 1.0   // between wanted mail and the limit from which mail is refused
	misfires    = 0.001 // of wanted mail, left out of account when mail is to be refused
	mistagged   = 0.01  // likewise when it is only marked
	width       = 0.5   // of the steps in which a limit is looked for
)

// Advice are limits for a policy, and why they are these.
type Advice struct {
	TagAt    float64  `json:"tag_at"`
	RejectAt float64  `json:"reject_at"` // 0: none can be proposed
	Why      []string `json:"why"`       // sentences
}

// Advise proposes limits. It refuses to when there is too little mail, and says what
// is missing.
func (e *Scored) Advise() (Advice, error) {
	span := e.to.Sub(e.from)
	switch {
	case e.All.Total() < EnoughScanned:
		return Advice{}, fmt.Errorf("%w: %d scanned messages, and at least %d are needed", ErrTooLittle, e.All.Total(), EnoughScanned)
	case span < EnoughTime:
		return Advice{}, fmt.Errorf("%w: mail of %.1f days, and at least %.0f are needed", ErrTooLittle, span.Hours()/24, EnoughTime.Hours()/24)
	case e.Wanted.Total() < EnoughWanted:
		return Advice{}, fmt.Errorf("%w: %d scanned messages are known to be wanted (mail of your users, of those to whom they write, and what [lists] accepts), and at least %d are needed",
			ErrTooLittle, e.Wanted.Total(), EnoughWanted)
	}
	a := Advice{Why: []string{fmt.Sprintf("%d messages of %.1f days were scanned; %d of them are known to be wanted.",
		e.All.Total(), span.Hours()/24, e.Wanted.Total())}}
	e.reject(&a)
	e.tag(&a)
	return a, nil
}

// reject proposes the limit above wanted mail at which there is the least mail: a
// message near a limit is one about which the score is not sure.
func (e *Scored) reject(a *Advice) {
	top := e.Wanted.AtMost(misfires)
	least := max(leastReject, math.Ceil((top+margin)/width)*width)
	if least > mostReject {
		a.Why = append(a.Why, fmt.Sprintf("Wanted mail reaches a score of %.1f: no limit from which mail is refused would spare it. Look what rules it hits (explain) before you refuse anything.", top))
		return
	}
	a.RejectAt = e.quietest(least, min(least+2, mostReject))
	a.Why = append(a.Why,
		fmt.Sprintf("reject_at: all but one in a thousand of the wanted messages score %.1f or less, so a limit from %.1f on spares them, with a point to spare and never below %.1f.", top, least, leastReject),
		fmt.Sprintf("Near %.1f there is the least mail (%d messages within half a point): few would be refused, or let in, by a hair.", a.RejectAt, e.near(a.RejectAt)),
		fmt.Sprintf("It would have refused %d messages, %.1f %% of what was scanned; %d of them are known to be wanted.",
			e.All.From(a.RejectAt), share(e.All.From(a.RejectAt), e.All.Total()), e.Wanted.From(a.RejectAt)))
}

// tag proposes a limit that one in a hundred of the wanted messages may reach.
func (e *Scored) tag(a *Advice) {
	most := mostTag
	if a.RejectAt > 0 {
		most = min(most, a.RejectAt-2)
	}
	top := e.Wanted.AtMost(mistagged)
	a.TagAt = min(most, max(leastTag, math.Floor(top/width)*width+width))
	a.Why = append(a.Why, fmt.Sprintf("tag_at: at %.1f, %d of the wanted messages (%.1f %%) and %d of all (%.1f %%) would have been marked or refused.",
		a.TagAt, e.Wanted.From(a.TagAt), share(e.Wanted.From(a.TagAt), e.Wanted.Total()), e.All.From(a.TagAt), share(e.All.From(a.TagAt), e.All.Total())))
}

// quietest is the limit in a range near which there is the least mail, and the lowest
// of several.
func (e *Scored) quietest(from, to float64) float64 {
	best := from
	for x := from + width; x <= to; x += width {
		if e.near(x) < e.near(best) {
			best = x
		}
	}
	return best
}

func (e *Scored) near(limit float64) int { return e.All.Between(limit-width, limit+width) }

// share is in per cent.
func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// Package status makes the status page: what happens now, what was refused, and the
// story of one message. It gets values and writes HTML, and knows nothing of where
// they come from.
//
// Everything about a message was chosen by a stranger, who wishes that an
// administrator's browser did something for him. So the page has no script at all,
// its Content-Security-Policy allows none, nor anything from elsewhere, and
// package markup escapes each value. What does not print, or turns a line around, is
// made visible before.
package status

import (
	"strconv"
	"sync"
	"time"

	"proxyfilter/cmd/proxyfilter/markup"
	"proxyfilter/filter"
)

const (
	maxFailures = 200 // of refusals and errors
	maxPassed   = 50

	// maxShown bounds one text of a row, in bytes, so that the ring has a size.
	maxShown = 200

	minutes = 60 // for which messages are counted one by one
)

// Row is one outcome in a table.
type Row struct {
	At             time.Time
	ID             string
	Action, Reason string
	Score          string // empty: nobody has scored it
	Client         string
	From, To       string
	Subject        string
	Err            string
	Failed         bool
}

// Ring is the latest outcomes. Failures have room of their own: a flood of good mail
// must not push out the refusal that somebody is looking for. The zero Ring is empty
// and ready.
type Ring struct {
	mu       sync.Mutex
	failures [maxFailures]Row
	passed   [maxPassed]Row
	failed   int // so many ever; the newest is at failed-1
	good     int
	counts   [minutes]minute
}

// minute is how much came in one minute.
type minute struct {
	of                        int64 // minutes since 1970
	passed, refused, deferred int
}

// Rates are the messages of the last so many minutes.
type Rates struct {
	Minutes                   int
	Passed, Refused, Deferred int
}

// Add keeps an outcome. It takes no longer than a few copies.
func (r *Ring) Add(rec *filter.Record) {
	row := newRow(rec)
	r.mu.Lock()
	defer r.mu.Unlock()
	if row.Failed {
		r.failures[r.failed%maxFailures] = row
		r.failed++
	} else {
		r.passed[r.good%maxPassed] = row
		r.good++
	}
	r.count(rec)
}

func (r *Ring) count(rec *filter.Record) {
	now := rec.Time.Unix() / 60
	m := &r.counts[max(0, now)%minutes]
	if m.of != now {
		*m = minute{of: now}
	}
	switch {
	case rec.Verdict.Action.Passes():
		m.passed++
	case rec.Verdict.Action == filter.Reject:
		m.refused++
	default:
		m.deferred++
	}
}

// Rates counts the last so many whole minutes, up to 59, and the one under way.
func (r *Ring) Rates(now time.Time, span int) Rates {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum := Rates{Minutes: span}
	for _, m := range r.counts {
		if age := now.Unix()/60 - m.of; age >= 0 && age < int64(min(span, minutes)) {
			sum.Passed += m.passed
			sum.Refused += m.refused
			sum.Deferred += m.deferred
		}
	}
	return sum
}

// Latest are the refusals and errors, and the mail that passed, newest first, at most
// so many of each.
func (r *Ring) Latest(limit int) (failures, passed []Row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return newest(r.failures[:], r.failed, limit), newest(r.passed[:], r.good, limit)
}

func newest(ring []Row, count, limit int) []Row {
	var all []Row
	for i := range min(count, len(ring), limit) {
		all = append(all, ring[(count-1-i)%len(ring)])
	}
	return all
}

func newRow(r *filter.Record) Row {
	v := &r.Verdict
	row := Row{
		At: r.Time, ID: r.Envelope.ID, Action: v.Action.String(), Reason: string(v.Reason),
		From: shown(r.Envelope.Sender), Subject: shown(r.Subject), Err: shown(r.Err),
		Failed: !v.Action.Passes() || v.Would == filter.Reject,
	}
	if v.Would != v.Action {
		row.Action += " (would " + v.Would.String() + ")"
	}
	if v.Scored() {
		row.Score = strconv.FormatFloat(v.Score, 'f', 1, 64)
	}
	if r.Envelope.Client.Addr.IsValid() {
		row.Client = r.Envelope.Client.Addr.String()
	}
	switch to := r.Envelope.Recipients; {
	case r.Recipient != "":
		row.To = shown(r.Recipient)
	case len(to) > 1:
		row.To = shown(to[0]) + " and " + strconv.Itoa(len(to)-1) + " more"
	case len(to) == 1:
		row.To = shown(to[0])
	}
	return row
}

// shown is a text of a stranger, cut, with what does not print made visible.
func shown(s string) string {
	if len(s) > maxShown {
		s = s[:maxShown] + "…"
	}
	return markup.Visible(s)
}

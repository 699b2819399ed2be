package main

import (
	"strings"

	"proxyfilter/filter"
)

// count counts one Record. Everything in it is a few atomic additions, so it
// runs in the conversation itself and no figure can be lost.
func (m *metrics) count(r *filter.Record) {
	v := &r.Verdict
	if !r.Time.IsZero() { // Time.Unix of no time is far before 1970
		m.lastMessage.Set(float64(r.Time.Unix()))
	}
	m.messages.WithLabelValues(v.Action.String(), string(v.Reason)).Inc()
	if class := hopClass(r); class != "" {
		m.hopReplies.WithLabelValues(class).Inc()
	}
	for i, a := range anomalies(&r.Anomalies) {
		if a.count > 0 {
			m.anomalies[i].Add(float64(a.count))
		}
	}
	m.countFindings(r)
	if r.Recipient != "" || r.Received == 0 {
		return // there was no end of data
	}
	m.stages[0].Observe(r.Received.Seconds())
	if len(v.Findings) > 0 {
		m.stages[1].Observe(r.Waited.Seconds())
		m.stages[2].Observe(r.Scanned.Seconds())
	}
	if v.Action.Passes() && v.Reason != filter.Duplicate { // nothing was handed on
		m.stages[3].Observe(r.Committed.Seconds())
	}
}

func (m *metrics) countFindings(r *filter.Record) {
	for i := range r.Verdict.Findings {
		f := &r.Verdict.Findings[i]
		name := f.Source
		if !m.known[name] {
			name = "other"
		}
		m.sources.WithLabelValues(name).Observe(f.Took.Seconds())
		if f.Cause != "" {
			m.sourceErrors.WithLabelValues(name, string(f.Cause)).Inc()
		}
	}
	if r.Verdict.Scored() {
		m.score.Observe(r.Verdict.Score)
	}
}

// hopClass is the class of the next hop's reply, "lost" when it gave none that
// can be read, and "" when it was not asked.
func hopClass(r *filter.Record) string {
	switch r.Verdict.Reason {
	case filter.HopLost:
		return "lost"
	case filter.Duplicate: // it was counted when it came
		return ""
	case filter.HopRefused:
		switch {
		case strings.HasPrefix(r.Reply, "4"):
			return "4xx"
		case strings.HasPrefix(r.Reply, "5"):
			return "5xx"
		}
		return "lost"
	}
	if r.Verdict.Action.Passes() && (strings.HasPrefix(r.Reply, "2") || r.QueueID != "") {
		return "2xx"
	}
	return ""
}

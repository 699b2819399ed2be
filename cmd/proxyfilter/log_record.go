package main

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"proxyfilter/filter"
)

// logRecord writes the one line of an outcome. Mail that goes on unscanned is a
// warning, and a fault of our own is an error: both need somebody.
func logRecord(log zerolog.Logger, r *filter.Record) {
	e := log.Info()
	switch {
	case r.Verdict.Reason == filter.Internal:
		e = log.Error()
	case r.Verdict.Unscanned()+r.Verdict.Unsearched() != "" && r.Verdict.Reason != filter.Aborted:
		e = log.Warn()
	}
	if e == nil {
		return
	}
	logEnvelope(e, r)
	logVerdict(e, &r.Verdict)
	logOutcome(e, r)
	e.Send()
}

func logEnvelope(e *zerolog.Event, r *filter.Record) {
	c := &r.Envelope.Client
	name := c.Name
	if name == "" {
		name = "unknown" // as Postfix says
	}
	addr := "unknown"
	if c.Addr.IsValid() {
		addr = c.Addr.String()
	}
	e.Str("id", r.Envelope.ID).Str("client", cut(name, maxText)+"["+addr+"]")
	if c.Helo != "" {
		e.Str("helo", cut(c.Helo, maxText))
	}
	e.Str("from", cut(r.Envelope.Sender, maxText))
	logRecipients(e, r)
	e.Int64("size", r.Size)
	if r.Envelope.Listener != "" {
		e.Str("listener", r.Envelope.Listener)
	}
}

// logRecipients adds how many there are when it does not name them all.
func logRecipients(e *zerolog.Event, r *filter.Record) {
	to := newShortList()
	if r.Recipient != "" {
		to.add(r.Recipient)
		e.Array("to", to.array)
		return
	}
	for _, s := range r.Envelope.Recipients {
		to.add(s)
	}
	e.Array("to", to.array)
	if to.full {
		e.Int("to_count", len(r.Envelope.Recipients))
	}
}

func logVerdict(e *zerolog.Event, v *filter.Verdict) {
	e.Str("action", v.Action.String())
	if v.Would != v.Action {
		e.Str("would", v.Would.String())
	}
	e.Str("reason", string(v.Reason))
	if v.Scored() {
		e.Float64("score", rounded(v.Score))
		logTests(e, v.Findings)
	}
	if name := v.Virus(); name != "" {
		e.Str("virus", cut(name, maxText))
	}
	if v.Policy != "" {
		e.Str("policy", v.Policy)
	}
	if len(v.Opinions) > 0 {
		logOpinions(e, v.Opinions)
	}
	logFindings(e, v.Findings)
}

func logFindings(e *zerolog.Event, findings []filter.Finding) {
	lists := entriesMet(findings)
	for i := range findings {
		f := &findings[i]
		if lists != "" && f.ListEntry() != "" {
			e.Str(f.Source, cut(lists, maxText))
			lists = "" // all of them at once: no member twice
		}
		if excepted, _, is := f.Exception(); is {
			e.Str("exception", excepted.ID)
			continue // explain has the rest
		}
		if len(f.Recipients) > 0 {
			continue // which is all that its labels say
		}
		if f.Server != "" {
			e.Str(f.Source, f.Server)
		}
		if len(f.Labels) > 0 {
			e.Strs(f.Source+"_labels", f.Labels)
		}
		if f.Cause != "" {
			e.Str(f.Source+"_cause", string(f.Cause)).Str(f.Source+"_error", cut(f.Err, maxText))
		}
	}
}

// entriesMet are the entries of lists that the message has met.
func entriesMet(findings []filter.Finding) string {
	var all []string
	for i := range findings {
		if entry := findings[i].ListEntry(); entry != "" {
			all = append(all, entry)
		}
	}
	return strings.Join(all, "; ")
}

// logOpinions says what each policy wanted, and from what score on it refuses:
// "customer:reject:8".
func logOpinions(e *zerolog.Event, opinions []filter.Opinion) {
	all := newShortList()
	for _, o := range opinions {
		all.add(opinionText(o))
	}
	e.Array("policies", all.array)
}

func opinionText(o filter.Opinion) string {
	action, limit := o.Action.String(), "never"
	if o.Would != o.Action {
		action = "would-" + o.Would.String()
	}
	if o.RejectAt > 0 {
		limit = strconv.FormatFloat(o.RejectAt, 'f', -1, 64)
	}
	return o.Policy + ":" + action + ":" + limit
}

func logTests(e *zerolog.Event, findings []filter.Finding) {
	tests := newShortList()
	for i := range findings {
		for j := range findings[i].Rules {
			tests.add(findings[i].Rules[j].Name)
		}
	}
	e.Array("tests", tests.array)
}

func logOutcome(e *zerolog.Event, r *filter.Record) {
	if r.Reply != "" {
		e.Str("reply", cut(r.Reply, maxText))
	}
	if r.QueueID != "" {
		e.Str("queue_id", cut(r.QueueID, maxText))
	}
	if r.Original != "" {
		e.Str("original", r.Original)
	}
	if r.MessageID != "" {
		e.Str("message_id", cut(strings.Trim(r.MessageID, "<>"), maxText))
	}
	if r.Err != "" {
		e.Str(zerolog.ErrorFieldName, cut(r.Err, maxText))
	}
	for _, a := range anomalies(&r.Anomalies) {
		if a.count > 0 {
			e.Int(a.kind, a.count)
		}
	}
	e.Dict("delays", zerolog.Dict().
		Float64("received", seconds(r.Received)).Float64("waited", seconds(r.Waited)).
		Float64("scanned", seconds(r.Scanned)).Float64("committed", seconds(r.Committed)))
}

// anomaly is one kind of oddity, under its word in the log and in metrics.
type anomaly struct {
	kind  string
	count int
}

// anomalies lists all kinds, in a fixed order. Without an argument the counts are 0.
func anomalies(a *filter.Anomalies) [5]anomaly {
	if a == nil {
		a = &filter.Anomalies{}
	}
	return [...]anomaly{
		{"bare_cr", a.BareCR},
		{"bare_lf", a.BareLF},
		{"extra_cr", a.ExtraCR},
		{"nul", a.NUL},
		{"unstuffed", a.Unstuffed},
	}
}

// seconds has milliseconds, which is what anybody can do something about.
func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond)/time.Millisecond) / 1000
}

// rounded undoes what adding rules' points does to the last digits.
func rounded(score float64) float64 { return math.Round(score*1000) / 1000 }

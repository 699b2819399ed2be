package relay

import (
	"fmt"
	"time"

	"proxyfilter/filter"
)

// settle makes the one Record of a transaction. Every outcome passes here:
// delivered, refused, deferred, too big, broken off.
func (s *Server) settle(t *transaction, r *result) {
	if r.recipient == "" {
		t.settled = true
	}
	rec := filter.Record{
		Time: time.Now(), Envelope: t.env, Recipient: r.recipient, Size: r.size,
		MessageID: r.header.messageID, From: r.header.from, Subject: r.header.subject,
		Verdict: r.verdict, QueueID: r.queueID, Original: r.original, Anomalies: filter.Anomalies(r.anomalies),
		HandedOn: handedOn(t.env.Client, t.env.Sender, &r.header),
	}
	if r.reply.Code != 0 {
		rec.Reply = r.reply.String()
	}
	if r.err != nil {
		rec.Err = r.err.Error()
	}
	if !r.received.IsZero() {
		rec.Received = r.received.Sub(t.start)
	}
	if !r.decided.IsZero() {
		rec.Waited, rec.Scanned = waited(r.verdict.Findings)
		rec.Committed = time.Since(r.decided)
	}
	s.observe(rec)
}

// observe hands the Record out. A panic of an observer must not turn the next
// hop's 250, which it is about, into 451 and a duplicate.
func (s *Server) observe(rec filter.Record) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error().Str("id", rec.Envelope.ID).Str("panic", fmt.Sprint(p)).Msg("record")
		}
	}()
	if s.Record != nil {
		s.Record(rec)
	}
}

// waited is how long the slowest source waited, and how long it then took.
func waited(findings []filter.Finding) (waiting, scanning time.Duration) {
	for _, f := range findings {
		waiting = max(waiting, f.Waited)
		scanning = max(scanning, f.Took-f.Waited)
	}
	return waiting, scanning
}

package main

import (
	"sync"

	"github.com/rs/zerolog"

	"proxyfilter/cmd/proxyfilter/status"
	"proxyfilter/filter"
	"proxyfilter/filter/review"
)

// scoreHealth is an observer that watches for what makes scores wrong without an error.
// While it is red, mail is marked that would be refused for its score. A restart knows
// nothing of what was before.
type scoreHealth struct {
	log zerolog.Logger

	mu    sync.Mutex
	watch review.Health
}

// add counts one Record, and is loud about a change.
func (h *scoreHealth) add(r *filter.Record) {
	h.mu.Lock()
	defer h.mu.Unlock() // also around the log, which waits for nobody: its lines are in order
	for _, turn := range h.watch.Add(review.Stored{Record: r, Recipients: len(r.Envelope.Recipients)}) {
		h.tell(turn)
	}
}

func (h *scoreHealth) tell(t review.Turn) {
	level, text := zerolog.WarnLevel, "score health is yellow: scores may be wrong"
	switch {
	case t.Over:
		text = "score health: this is over"
	case t.Colour == review.Red:
		level, text = zerolog.ErrorLevel, "SCORE HEALTH IS RED: mail is marked and not refused for its score, unless ignore_health says otherwise"
	}
	e := h.log.WithLevel(level).Str("symptom", string(t.Symptom))
	if !t.Over {
		e = e.Str("seen", t.Text)
	}
	e.Msg(text)
}

// signs are the symptoms at present, the gravest first.
func (h *scoreHealth) signs() []review.Sign {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.watch.Signs()
}

// suspended is what is done at present instead of a refusal.
func (h *scoreHealth) suspended() filter.Suspension {
	s := filter.Suspension{By: filter.HealthName}
	for _, sign := range h.signs() {
		if sign.Colour == review.Red {
			s.Instead, s.Why = filter.Tag, sign.Text
			break
		}
	}
	return s
}

// shown is what the status page says.
func (h *scoreHealth) shown() (all []status.Sign) {
	for _, s := range h.signs() {
		all = append(all, status.Sign{Colour: s.Colour.String(), Red: s.Colour == review.Red, Text: s.Text, Since: s.Since})
	}
	return all
}

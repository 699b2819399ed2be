package review

import (
	"fmt"
	"time"

	"proxyfilter/filter"
)

// Spell is a time in which a symptom lasted: of several, the last one.
type Spell struct {
	Sign
	Until time.Time `json:"until,omitzero"` // zero: it lasts
	Times int       `json:"times"`          // how many there were
}

// When is its time, in words.
func (s Spell) When() string {
	const form = "2 Jan 2006 15:04"
	text := "since " + s.Since.Local().Format(form)
	if !s.Until.IsZero() {
		text = s.Since.Local().Format(form) + " to " + s.Until.Local().Format(form)
	}
	if s.Times > 1 {
		text += fmt.Sprintf(" (the last of %d times)", s.Times)
	}
	return text
}

// spells is what was wrong with scores in a span of time. It begins knowing nothing, and
// may see a symptom a little later than the daemon did, which had seen mail before.
type spells struct {
	health Health
	last   map[Symptom]Spell
	marked int
}

func (s *spells) add(r Stored) {
	if r.Verdict.Suspended().By == filter.HealthName {
		s.marked++
	}
	for _, t := range s.health.Add(r) {
		if s.last == nil {
			s.last = map[Symptom]Spell{}
		}
		spell := Spell{Sign: t.Sign, Times: s.last[t.Symptom].Times + 1}
		if t.Over {
			spell = s.last[t.Symptom]
			spell.Until = r.Time
		}
		s.last[t.Symptom] = spell
	}
}

// list has the gravest first. What lasts is told with the figures of the end.
func (s *spells) list() []Spell {
	now := map[Symptom]string{}
	for _, sign := range s.health.Signs() {
		now[sign.Symptom] = sign.Text
	}
	var all []Spell
	for _, symptom := range Symptoms() {
		spell, ever := s.last[symptom]
		if !ever {
			continue
		}
		if text, lasts := now[symptom]; lasts {
			spell.Text = text
		}
		all = append(all, spell)
	}
	return all
}

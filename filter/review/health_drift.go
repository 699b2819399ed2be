package review

import (
	"fmt"
	"math"
	"slices"
)

// block is how many messages from outside are looked at together. What was seen in one
// counts until the next one is full.
const block = 200

// common watches for a rule with weight that hits nearly all mail, as one against dates
// in the far future did in 2010.
type common struct {
	rules Top
	n     int
	worst Ranked // of the last full block; none when it was well
}

const (
	weight      = 1.0 // points
	commonShare = 0.8 // of all mail
	commonRules = 512 // counters: with fewer rules than that in a block, counts are exact
)

func (w *common) add(m *seen) {
	if w.n == 0 {
		w.rules = Top{Counters: commonRules}
	}
	for i := range m.verdict.Findings {
		if f := &m.verdict.Findings[i]; !f.Viruses {
			for _, r := range f.Rules {
				// That most mail is good, and known to be, is no symptom.
				if math.Abs(r.Points) >= weight && r.Name != "BAYES_00" {
					w.rules.Add(r.Name, 0)
				}
			}
		}
	}
	if w.n++; w.n == block {
		w.judge()
	}
}

// judge ends a block.
func (w *common) judge() {
	w.n, w.worst = 0, Ranked{}
	for _, top := range w.rules.First(1) {
		if float64(top.Count-top.Over) > commonShare*block {
			w.worst = top
		}
	}
}

func (w *common) ill() bool { return w.worst.Count > 0 }

func (w *common) words() string {
	return fmt.Sprintf("the rule %s has hit %d of %d messages from outside: it does not tell good mail from bad", w.worst.Key, w.worst.Count, block)
}

// shift watches for a median score that is not where it was, as after an update of rules
// that went wrong. A wave of spam does that too, so it is a reason to look. After
// so many blocks the new place is the usual one.
type shift struct {
	scores  [block]float64
	n       int
	medians [10]float64 // of blocks before the last
	blocks  int
	last    float64
	usual   float64
	far     bool
}

const (
	jump       = 3.0 // points
	leastKnown = 5   // blocks, before which nothing is usual
)

func (w *shift) add(m *seen) {
	w.scores[w.n] = m.verdict.Score
	if w.n++; w.n == block {
		w.n = 0
		w.judge(median(w.scores))
	}
}

// judge ends a block.
func (w *shift) judge(now float64) {
	known := min(w.blocks, len(w.medians))
	w.last, w.usual = now, usually(w.medians, known)
	w.far = known >= leastKnown && math.Abs(w.last-w.usual) >= jump
	w.medians[w.blocks%len(w.medians)] = now
	w.blocks++
}

func median(scores [block]float64) float64 {
	slices.Sort(scores[:])
	return scores[block/2]
}

// usually is the median of the first n.
func usually(medians [10]float64, n int) float64 {
	slices.Sort(medians[:n])
	return medians[n/2]
}

func (w *shift) ill() bool { return w.far }

func (w *shift) words() string {
	return fmt.Sprintf("half of the last %d messages from outside have a score of %.1f or more, where %.1f was usual: new rules, a list that has gone, or a wave of spam", block, w.last, w.usual)
}

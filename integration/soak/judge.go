package main

import (
	"fmt"
	"io"

	"proxyfilter/integration/ledger"
)

// judge looks at the flood from all sides: what clients heard, what the stand-in
// did, what proxyfilter recorded.
func (f *flood) judge(out io.Writer, records []ledger.Record, samples []sample) {
	scan := f.plan.scan.Seconds()
	scans, most := f.spamd.ended()
	part := used(scans, slots, f.began, f.over)
	busy := f.book.Took(sentAway)
	fmt.Fprintf(out, "Slots in use: %.1f %% of the time, at most %d at once. Sent away as busy: %d, median after %.2f s. Scans for nobody: %d.\n",
		100*part, most, len(busy), median(busy), f.wasted(scans))
	f.misses.unless(part >= 0.95, "only %.1f %% of the slots were used", 100*part)
	f.misses.unless(most <= slots, "%d scans at once for %d slots", most, slots)
	f.misses.unless(len(busy) > slots, "only %d letters were sent away: that was no flood", len(busy))
	f.misses.unless(median(busy) < 2*scan, "who was sent away waited %.2f s", median(busy))
	f.misses.unless(f.wasted(scans) == 0, "%d scans began whose letters were not accepted", f.wasted(scans))

	by := byHelo(records)
	f.judgeGone(by)
	for _, l := range f.last {
		r := by[l.Helo(1)]
		f.misses.unless(r.Action == "accept" && r.Delays.Waited < scan/2, "letter %d, after the flood: %s", l.Number, r.Line)
	}
	var waited []float64
	for _, l := range f.beside {
		r := by[l.Helo(1)]
		waited = append(waited, r.Delays.Waited)
		f.misses.unless(r.Action == "accept", "letter %d, beside large ones: %s", l.Number, r.Line)
	}
	small := f.book.Took(func(a ledger.Attempt) bool { return f.isBeside(a.Letter) })
	fmt.Fprintf(out, "Gone before the answer: %d. Small mail beside large: %d, p99 %.2f s, of which in line %.2f s; a large scan takes %v.\n",
		len(f.gone), len(small), quantile(small, 0.99), quantile(waited, 0.99), 2*f.plan.scan)
	f.misses.unless(quantile(waited, 0.99) < scan, "small mail waited for large mail: %.2f s", quantile(waited, 0.99))
	smtpds := quantile(values(samples, func(s sample) float64 { return float64(s.smtpds) }), 1)
	fmt.Fprintf(out, "At most %.0f smtpd processes of P.\n\n", smtpds)
}

// judgeGone looks at those who hung up. One of them may have been sent away as busy
// and not have read it: its last moment was over when it came to that.
func (f *flood) judgeGone(by map[string]ledger.Record) {
	noticed := 0
	for _, l := range f.gone {
		switch r := by[l.Helo(1)]; r.Reason {
		case "gone":
			noticed++
		case "busy":
		default:
			f.misses.unless(false, "letter %d: after its client hung up, the record says %q", l.Number, r.Line)
		}
	}
	f.misses.unless(noticed > 0, "of %d who hung up none was noticed", len(f.gone))
}

// wasted counts scans whose letter was not accepted.
func (f *flood) wasted(scans []scan) int {
	accepted := make(map[string]bool)
	f.book.Took(func(a ledger.Attempt) bool {
		accepted[a.Letter.ID] = accepted[a.Letter.ID] || a.Reply.Code/100 == 2
		return false
	})
	n := 0
	for _, s := range scans {
		if !accepted[s.id] {
			n++
		}
	}
	return n
}

func (f *flood) isBeside(l *ledger.Letter) bool {
	for _, other := range f.beside {
		if l == other {
			return true
		}
	}
	return false
}

func byHelo(records []ledger.Record) map[string]ledger.Record {
	by := make(map[string]ledger.Record, len(records))
	for _, r := range records {
		by[r.Helo] = r
	}
	return by
}

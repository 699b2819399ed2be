package main

import (
	"fmt"
	"time"

	"proxyfilter/filter/guard"
)

// guardConfig is when refusals are suspended because good mail is refused.
type guardConfig struct {
	Mode             string
	Window, Baseline time.Duration
	Factor, Least    int
}

func defaultGuard() guardConfig {
	return guardConfig{Mode: "off", Window: 15 * time.Minute, Baseline: 24 * time.Hour, Factor: 5, Least: 10}
}

func (g guardConfig) limits() guard.Limits {
	return guard.Limits{Window: g.Window, Baseline: g.Baseline, Factor: float64(g.Factor), Least: g.Least}
}

func (c *config) guardKeys() []key {
	g := &c.Guard
	return []key{
		{"guard.mode", word(&g.Mode, "off", "observe", "enforce"), true, "whether refusals become 451 by themselves while those of senders known to be good are many times the usual; observe says so and refuses on"},
		{"guard.window", span(&g.Window, time.Second, 24*time.Hour), true, "what counts as now; so long all must be well before refusals are in force again"},
		{"guard.baseline", span(&g.Baseline, 10*time.Second, 30*24*time.Hour), true, "what counts as usual; so long after a start it only learns, and so long it suspends refusals at most"},
		{"guard.factor", whole(&g.Factor, 2, 1000), true, "how many times the usual share of good senders must be refused"},
		{"guard.least", whole(&g.Least, 1, 1000000), true, "how many of them must be refused at least; each counts once in a window"},
	}
}

// shortestBaseline is in windows. In the first half of a baseline a sender must be seen
// in three of them.
const shortestBaseline = 10

func (l *loader) checkGuard() {
	if g := l.Guard; g.Baseline < shortestBaseline*g.Window {
		l.conflict("a baseline is about a day, and a window some minutes", fmt.Sprintf("guard.baseline %s is less than %d times guard.window %s",
			formatSpan(g.Baseline), shortestBaseline, formatSpan(g.Window)), "guard.baseline", "guard.window")
	}
}

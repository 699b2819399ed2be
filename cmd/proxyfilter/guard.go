package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"proxyfilter/filter"
	"proxyfilter/filter/guard"
)

// refusalGuard suspends refusals while package guard raises an alarm. It looks once a
// second, and never for the sake of a message.
type refusalGuard struct {
	log zerolog.Logger
	mu  sync.Mutex // held by who looks
	now atomic.Pointer[guarding]
}

// guarding is one guard, and what it saw last. It is never changed.
type guarding struct {
	guardConfig
	guard *guard.Guard // nil: it is off
	sight guard.Sight
	seen  string // the same in words, during an alarm
}

const (
	guardInterval = time.Second
	guardOff      = "off"
)

// latest is what there is now; before the first configuration nothing.
func (g *refusalGuard) latest() guarding {
	if now := g.now.Load(); now != nil {
		return *now
	}
	return guarding{}
}

// add counts one Record.
func (g *refusalGuard) add(r *filter.Record) {
	if now := g.latest(); now.guard != nil {
		now.guard.Add(r)
	}
}

// suspended is what it says at present. It never marks mail instead of refusing it: what
// a stranger could bring about must let nothing in.
func (g *refusalGuard) suspended() filter.Suspension {
	s := filter.Suspension{By: filter.GuardName}
	if now := g.latest(); now.alarm() && now.Mode == "enforce" {
		s.Instead, s.Why = filter.Defer, now.seen
	}
	return s
}

func (n *guarding) alarm() bool { return n.guard != nil && n.sight.State == guard.Alarm }

// state is a word of a closed set.
func (n *guarding) state() string {
	if n.guard == nil {
		return guardOff
	}
	return n.sight.State.String()
}

// guardStates is that set.
func guardStates() []string {
	return []string{guardOff, guard.Learning.String(), guard.Watching.String(), guard.Alarm.String()}
}

// follow takes over a configuration. With other limits, or after it was off, it begins
// to learn.
func (g *refusalGuard) follow(c guardConfig) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.latest()
	next := before
	next.guardConfig = c
	switch {
	case c.Mode == guardOff:
		next = guarding{guardConfig: c}
	case before.guard == nil || c.limits() != before.limits():
		next = guarding{guardConfig: c, guard: guard.New(c.limits(), time.Now())}
		next.sight = next.guard.Look(time.Now())
	}
	g.now.Store(&next)
	if before.alarm() && !next.alarm() {
		g.log.Warn().Msg("refusals are in force again: the guard has another configuration")
	}
}

// run looks until ctx ends.
func (g *refusalGuard) run(ctx context.Context) {
	every(ctx, guardInterval, g.look)
}

// look sees what there is, and is loud about a change.
func (g *refusalGuard) look(at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.latest()
	if before.guard == nil {
		return
	}
	now := before
	now.sight = before.guard.Look(at)
	now.seen = inWords(now.sight)
	g.now.Store(&now)
	if now.sight.State != before.sight.State {
		g.tell(&before, &now)
	}
}

func (g *refusalGuard) tell(before, now *guarding) {
	e, text := g.log.Warn(), "the guard: good mail is refused as usual, and refusals are in force again"
	switch {
	case now.alarm() && now.Mode == "enforce":
		e, text = g.log.Error(), "GUARD: senders known to be good are refused, so no mail is refused until that ends"
	case now.alarm():
		e, text = g.log.Error(), "GUARD: senders known to be good are refused; guard.mode is observe, and refuses on"
	case before.alarm() && now.sight.State == guard.Learning:
		e, text = g.log.Error(), "GUARD: senders known to be good have been refused for guard.baseline: that is now taken for usual, and refusals are in force again"
	case !before.alarm():
		e, text = g.log.Info(), "the guard has learned what is usual, and watches"
	}
	s := now.sight
	e.Int("refused", s.Refused).Int("of", s.Seen).Str("usual", percent(s.Usual)).Str("alarm_from", percent(s.Limit)).Msg(text)
}

func percent(share float64) string { return fmt.Sprintf("%.1f%%", 100*share) }

// sentence is what a status page says of it; empty when all is well.
func (n *guarding) sentence() string {
	if !n.alarm() {
		return ""
	}
	then := `no mail is refused, but there is "defer" instead, until that ends`
	if n.Mode != "enforce" {
		then = "guard.mode is observe, and refuses on"
	}
	return fmt.Sprintf("%s, since %s: %s", n.seen, n.sight.Since.Local().Format(time.DateTime), then)
}

func inWords(s guard.Sight) string {
	if s.State != guard.Alarm {
		return ""
	}
	return fmt.Sprintf("%d of %d senders known to be good are refused, usually %s", s.Refused, s.Seen, percent(s.Usual))
}

// emergencies tells of all that keeps mail from being refused.
func (d *daemon) emergencies() (all []string) {
	if s := d.panic.suspended(); s.Lasts() {
		all = append(all, fmt.Sprintf("PANIC: no mail is refused, but there is %q instead, while %s exists", s.Instead, *d.panic.path.Load()))
	}
	if now := d.guard.latest(); now.alarm() {
		all = append(all, "GUARD: "+now.sentence())
	}
	return all
}

// printEmergencies puts them on top of the summary.
func (d *daemon) printEmergencies(to io.Writer) {
	for _, text := range d.emergencies() {
		fmt.Fprintf(to, "%s\n\n", text)
	}
}

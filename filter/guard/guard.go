// Package guard sees from Records that mail which is known to be good is refused far
// more often than usual: a rule was updated badly, a list on the Internet lists everybody,
// a limit was mistyped.
//
// It counts senders, and not messages: domains of which it knows good mail, and entries
// of the lists of who is accepted. Each counts once in a window of some minutes, by its
// latest message. So neither a wave of spam nor one domain that sends a million messages
// moves it, and it does not matter how much mail a server has. How many of these senders
// are refused is compared with what is usual, which it learns in a day, the baseline.
//
// A domain is known after half a baseline, in the other half of which it is learned how
// much of its mail is refused, and only if SPF or DKIM says that the mail was its own
// (filter.Verdict.SenderConfirmed). Whoever wants to raise an alarm with domains of his own
// must have so many that they are a twentieth of all that send good mail, and at least
// Limits.Least, and send good mail from them for half a day before that. What he gets is
// that his spam is asked to come again.
//
// A message counts as refused by its score and by viruses, whatever was done with it. So
// a list that spares a sender does not hide from the guard what the rules have become, and
// an alarm that suspends refusals still sees them.
//
// It has no clock: the time comes with Records, and with Look.
package guard

import (
	"hash/maphash"
	"sync"
	"time"

	"proxyfilter/filter"
)

// Limits say when there is an alarm. All of them are above 0.
type Limits struct {
	Window   time.Duration // what is now; an alarm lasts at least so long
	Baseline time.Duration // what is usual; longer than Window
	Factor   float64       // so many times the usual share of refused senders
	Least    int           // and so many senders, at least
}

// leastShare is the share of refused senders below which there is no alarm. A rule that hits
// fewer is a matter for a report.
const leastShare = 0.05

// State is what a Guard is doing.
type State uint8

// The states.
const (
	Learning State = iota // what is usual; there are no alarms
	Watching
	Alarm
)

var stateWords = [...]string{"learning", "watching", "alarm"}

// String is its word.
func (s State) String() string { return stateWords[s] }

// Sight is what a Guard sees.
type Sight struct {
	State State
	Since time.Time // of the state

	// Seen are the senders known to be good of whom there was mail in the window,
	// and Refused are those of them whose latest message is refused.
	Seen, Refused int

	Usual float64 // share of refused senders, of 1
	Limit float64 // from which share there is an alarm
}

// Guard watches. It can be used by several goroutines.
type Guard struct {
	limits Limits

	mu     sync.Mutex
	begun  time.Time // when slot 0 began
	looked time.Time // the latest moment of a Look
	state  State
	since  time.Time
	calm   time.Time // during an alarm: since when all looks well
	clean  int       // during an alarm: good messages since then
	seed   maphash.Seed
	known  parties
	window window
	usual  usual
}

// New is a Guard that begins to learn.
func New(l Limits, now time.Time) *Guard {
	return &Guard{
		limits: l, begun: now, since: now, seed: maphash.MakeSeed(),
		known: parties{age: slots(l.Baseline/2, l.Window), all: map[uint64]party{}},
		usual: usual{decay: decay(l.Window, l.Baseline)},
	}
}

// Add counts one Record.
func (g *Guard) Add(r *filter.Record) {
	if r.Wanted() == filter.ByUser {
		g.learn(r)
		return
	}
	e, ok := evidenceOf(r)
	if !ok {
		return
	}
	who := maphash.String(g.seed, e.who)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn(r.Time)
	p, known := g.known.note(who, e, g.window.slot)
	if !known {
		return
	}
	g.window.hear(&p, e.refused)
	g.known.all[who] = p
	if !e.refused {
		g.clean++
	}
}

// learn notes to whom users write.
func (g *Guard) learn(r *filter.Record) {
	if r.Envelope.Sender == "" || !r.Verdict.Action.Passes() {
		return // a bounce or an automatic reply goes to whoever has asked for it
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn(r.Time)
	for _, to := range r.Envelope.Recipients[:min(len(r.Envelope.Recipients), maxLearned)] {
		if domain := organisation(to); domain != "" {
			g.known.written(maphash.String(g.seed, domain), g.window.slot)
		}
	}
}

// maxLearned bounds what one message costs.
const maxLearned = 100

// turn goes on to the slot of a moment. Moments before the present slot belong to it.
func (g *Guard) turn(now time.Time) {
	for slot := int64(now.Sub(g.begun) / (g.limits.Window / parts)); g.window.slot < slot; {
		if ended, is := g.window.next(); is {
			g.usual.settle(ended, g.state == Alarm)
			g.known.forget(g.window.slot)
		}
	}
}

// Look is what it sees now. It must be called often, for Add decides nothing. A moment
// before that of an earlier Look is taken for that one.
func (g *Guard) Look(now time.Time) Sight {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Before(g.looked) {
		now = g.looked
	}
	g.looked = now
	g.turn(now)
	w, share := g.window.sum(), g.usual.share()
	s := Sight{Seen: w.seen, Refused: w.refused, Usual: share, Limit: g.limits.share(share)}
	g.decide(now, w, s.Limit)
	s.State, s.Since = g.state, g.since
	return s
}

// share is from which share of refused senders there is an alarm. Where much is refused
// as usual, a multiple may be more than there can be; then it is half of them, or twice
// what is usual. Above 1 there is none.
func (l Limits) share(usual float64) float64 {
	return max(leastShare, min(l.Factor*usual, max(0.5, 2*usual)))
}

func (g *Guard) decide(now time.Time, w tally, limit float64) {
	switch g.state {
	case Learning:
		if now.Sub(g.since) >= g.limits.Baseline {
			g.enter(Watching, now)
		}
	case Watching:
		if w.refused >= g.limits.Least && w.share() >= limit {
			g.enter(Alarm, now)
			g.calm, g.clean = now, 0
		}
	default:
		g.calmDown(now, w, limit)
	}
}

// calmDown ends an alarm when, for a whole window, at most half of what raises one was
// refused, and enough good mail has come to know that. Silence alone ends none: at night
// it would, and the next morning's mail would be refused until there is another.
//
// It ends after a baseline in any case. What has lasted so long is how things are, or
// nobody minds it; then it is better to refuse, because the sender is told.
func (g *Guard) calmDown(now time.Time, w tally, limit float64) {
	switch {
	case now.Sub(g.since) >= g.limits.Baseline:
		g.enter(Learning, now)
	case w.refused > 1 && w.share() >= limit/2: // one sender is refused every day
		g.calm, g.clean = now, 0
	case now.Sub(g.calm) >= g.limits.Window && g.clean >= g.limits.Least:
		g.enter(Watching, now)
	}
}

func (g *Guard) enter(s State, now time.Time) { g.state, g.since = s, now }

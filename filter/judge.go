package filter

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A Scanner reads content. Scan returns when the context ends, whatever the
// scanner does; if work of its goes on, that must not need the Content. An
// error that is a *Failure says its Cause.
type Scanner interface {
	Name() string
	Scan(ctx context.Context, m Message) (Finding, error)
}

// Judge asks the scanners, all at once, and applies a policy. It has no memory
// and no sockets. The zero Judge asks nobody and accepts.
type Judge struct {
	Lists    Lists
	Scanners []Scanner // that look for spam
	Viruses  []Scanner // that look for viruses; asked beside the others
	Policies Policies

	// Map knows policies of recipients from outside of the configuration; may be nil. It
	// is asked before the scanners, because it knows whose preferences these may use.
	Map PolicyMap

	// Suspended says what happens at present instead of a refusal: see Suspension. It
	// is asked about mail that would be refused, and must be quick. Nil: nothing does.
	Suspended func() Suspension

	// Exceptions are those in force. It is asked about mail whose score is too high, and
	// must be quick. Nil: there are none.
	Exceptions func() *Exceptions

	// Signer finds a domain of those wanted whose signature of the content is valid.
	// It ends with its context. It is asked about mail whose score is too high, when
	// Lists.AcceptSigned is not empty, or there is an exception for signed mail.
	Signer func(ctx context.Context, c Content, wanted func(domain string) bool) (domain string, found bool)

	// MailingList finds the list that the content comes from, if the list has signed
	// it. It ends with its context. It is asked only where that makes a difference.
	MailingList func(ctx context.Context, c Content) (id string, found bool)
}

// grace is what a scanner gets to report that its context has ended. Its own
// words ("busy", "refused") say more than ours, and a scanner that says nothing
// must not hold the message.
const grace = 100 * time.Millisecond

// Weigh answers the end of data. It returns when every scanner has answered,
// or, with several scanners, shortly after the context has ended. A single one is
// trusted to end with its context; package relay has a guard of its own.
//
// Thousands of messages wait in here at once. Until the scanners have answered, what
// it calls is given pointers, and nothing that only a decision needs is on its stack:
// with a few hundred bytes more each of these goroutines would have twice the stack.
func (j *Judge) Weigh(ctx context.Context, m Message) Verdict {
	findings := j.known(ctx, &m)
	if j.refused(&m.Envelope, findings) {
		return j.Policies.Decide(m.Envelope, findings)
	}
	return j.decide(ctx, &m, append(j.ask(ctx, &m), findings...))
}

// known is what the map and the lists say, who need no content.
func (j *Judge) known(ctx context.Context, m *Message) []Finding {
	assigned := j.assign(ctx, &m.Envelope)
	m.Mailbox = mailbox(m.Recipients, assigned)
	return append(j.Lists.Look(m.Envelope), assigned...)
}

// refused reports that the lists refuse the message whatever a scanner says, whose slots
// are for others. What a list refuses and one of the policies only marks is scanned like
// any mail: a virus may be in it, or it may have to wait, and then it is not refused
// either. So is mail whose refusal is suspended.
func (j *Judge) refused(e *Envelope, known []Finding) bool {
	if !refusedByList(known) {
		return false
	}
	if len(e.Recipients) > 0 && slices.ContainsFunc(e.Recipients, func(r string) bool { return !refuses(known, r) }) {
		return false
	}
	v := j.unlessSuspended(*e, j.Policies.Decide(*e, known))
	milder := func(o Opinion) bool { return o.Action != Reject }
	return v.Action == Reject && !slices.ContainsFunc(v.Opinions, milder)
}

// decide weighs what was found, and looks closer where that could spare the message.
func (j *Judge) decide(ctx context.Context, m *Message, findings []Finding) Verdict {
	v := j.Policies.Decide(m.Envelope, findings)
	if v.ByScore() {
		v = j.spare(ctx, m, v)
	}
	return j.unlessSuspended(m.Envelope, v)
}

type answer struct {
	index   int
	finding Finding
}

func (j *Judge) ask(ctx context.Context, m *Message) []Finding {
	if len(j.Scanners) == 1 && len(j.Viruses) == 0 {
		// Thousands of messages may wait for it; a goroutine each would be a
		// fifth of their memory.
		findings := make([]Finding, 1, 3) // with a list's and a map's
		ask(ctx, j.Scanners[0], m, &findings[0])
		return findings
	}
	return j.askAll(ctx, m)
}

func (j *Judge) askAll(ctx context.Context, m *Message) []Finding {
	start, own := time.Now(), *m // a late scanner may still read it
	scanners := slices.Concat(j.Scanners, j.Viruses)
	answers := make(chan answer, len(scanners)) // buffered: a late answer leaks no goroutine
	for i, s := range scanners {
		go func() {
			a := answer{index: i}
			ask(ctx, s, &own, &a.finding)
			answers <- a
		}()
	}
	findings := make([]Finding, len(scanners))
	var over <-chan time.Time
	ended := ctx.Done()
	for waiting := len(scanners); waiting > 0; {
		select {
		case a := <-answers:
			findings[a.index] = a.finding
			waiting--
		case <-ended:
			ended, over = nil, time.After(grace)
		case <-over:
			giveUp(ctx, scanners, findings, time.Since(start))
			waiting = 0
		}
	}
	for i := range findings { // whatever a source says of itself
		findings[i].Viruses = i >= len(j.Scanners)
	}
	return findings
}

// giveUp fills in for the scanners that have said nothing at all.
func giveUp(ctx context.Context, scanners []Scanner, findings []Finding, took time.Duration) {
	for i, s := range scanners {
		if findings[i].Source == "" {
			findings[i] = Finding{Source: s.Name(), Took: took}
			failed(&findings[i], fmt.Errorf("%s said nothing: %w", s.Name(), ctx.Err()))
		}
	}
}

// ask turns an answer, an error or a panic of one scanner into a Finding.
func ask(ctx context.Context, s Scanner, m *Message, f *Finding) {
	start := time.Now()
	defer func() {
		if p := recover(); p != nil {
			*f = Finding{}
			failed(f, &Failure{Cause: CausePanic, Err: fmt.Errorf("panic: %v", p)})
		}
		f.Source, f.Took = s.Name(), time.Since(start)
	}()
	found, err := s.Scan(ctx, *m)
	if *f = found; err != nil {
		failed(f, err)
	} else if !f.numeric() {
		err := fmt.Errorf("score %v with limit %v is no answer", f.Score, f.Limit)
		*f = Finding{}
		failed(f, &Failure{Cause: CauseBroken, Err: err})
	}
}

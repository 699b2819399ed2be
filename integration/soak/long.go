package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"proxyfilter/integration/ledger"
	"proxyfilter/integration/rig"
)

// The recipients that the second Postfix does not take.
const (
	refusing  = "nobody@" + rig.Domain
	deferring = "later@" + rig.Domain
)

// longRun is the first part.
type longRun struct {
	plan    plan
	site    *rig.Site
	book    ledger.Book
	corpus  ledger.Corpus
	numbers atomic.Int64
	misses  misses
}

func (p plan) longRun(ctx context.Context, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, p.long+patience)
	defer cancel()
	r := &longRun{plan: p, corpus: ledger.Corpus{Seed: p.seed, Large: 600 << 10, Refusing: refusing, Deferring: deferring}}
	r.site, err = rig.Start(ctx, rig.Options{
		Binary: p.binary, Apart: true,
		Postfix: rig.PostfixOptions{Main: []string{"enable_long_queue_ids = yes"}, Edit: refuseSome},
		Filter: rig.FilterOptions{Set: []string{
			"log.format=json", fmt.Sprintf("server.max_connections=%d", p.conversations+500),
			"budget.wait=8s", "budget.verdict=12s", "budget.commit=15s", "budget.reply=30s",
		}},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.site.Close()) }()
	fmt.Fprintf(out, "### The long run\n\n%s with %d conversations, seed %d.\n\n", p.long.Round(time.Second), p.conversations, p.seed)
	if err := r.play(ctx, out); err != nil {
		return fmt.Errorf("the long run: %w\nproxyfilter:\n%s", err, r.site.Filter.Log.Tail(10))
	}
	return r.misses.err()
}

// refuseSome makes the second Postfix refuse recipients.
func refuseSome(master string) string {
	return strings.Replace(master, "smtpd_recipient_restrictions=permit_mynetworks,reject",
		"smtpd_recipient_restrictions=check_recipient_access,inline:{"+refusing+"=REJECT,"+deferring+"=DEFER},permit_mynetworks,reject", 1)
}

func (r *longRun) play(ctx context.Context, out io.Writer) error {
	r.send(ctx, 20) // warm: one of each kind, so that everything that is kept has been made
	before, err := take(ctx, r.site)
	if err != nil {
		return err
	}
	samples, err := r.load(ctx)
	if err != nil {
		return err
	}
	after, err := r.rest(ctx, before)
	if err != nil {
		return err
	}
	r.flat(out, before, after, samples)
	_, err = settle(ctx, r.site, &r.book, out, &r.misses)
	return err
}

// send delivers so many letters, through both listeners of Postfix.
func (r *longRun) send(ctx context.Context, letters int) {
	var clients sync.WaitGroup
	for i := range 4 {
		clients.Go(func() {
			for range letters / 4 {
				r.deliver(ctx, i)
			}
		})
	}
	clients.Wait()
}

func (r *longRun) deliver(ctx context.Context, client int) {
	l := r.corpus.Letter(int(r.numbers.Add(1) - 1))
	s := ledger.Sender{Book: &r.book, Front: r.site.Postfix.Front, From: rig.Stranger, Pause: 200 * time.Millisecond}
	if client%3 == 2 {
		s.Front = r.site.Postfix.Lockstep
	}
	_ = s.Deliver(ctx, &l) // the book knows
}

// load lets everything happen at once, for the time of the plan from the moment
// on in which all conversations are there.
func (r *longRun) load(ctx context.Context) ([]sample, error) {
	talk, hangUp := context.WithCancel(ctx)
	defer hangUp()
	var ended atomic.Bool
	var all sync.WaitGroup
	straight := r.callers(r.site.Filter.Address, true, 400, min(max(r.plan.long/10, time.Second), 3*time.Second))
	slow := r.callers(r.site.Postfix.Lockstep, false, 2, 100*time.Millisecond)
	for i := range r.plan.conversations + 4 {
		random := rand.New(rand.NewPCG(r.plan.seed, uint64(i)))
		c := straight
		if i >= r.plan.conversations {
			c = slow
		}
		all.Go(func() { c.call(talk, random) })
	}
	for i := range 6 {
		all.Go(func() {
			for !ended.Load() && ctx.Err() == nil {
				r.deliver(ctx, i)
			}
		})
	}
	err := r.everybody(ctx)
	timed, cancel := context.WithTimeout(ctx, r.plan.long)
	defer cancel()
	var samples []sample
	if err == nil {
		all.Go(func() { r.hiccups(timed) })
		samples, err = watch(timed, r.site, max(r.plan.long/200, 200*time.Millisecond))
	}
	ended.Store(true)
	hangUp()
	all.Wait()
	return samples, err
}

func (r *longRun) callers(address string, direct bool, finish int, pace time.Duration) callers {
	c := callers{
		book: &r.book, corpus: r.corpus, numbers: &r.numbers, address: address, from: rig.Stranger,
		direct: direct, finish: finish, pace: pace,
	}
	if direct {
		c.from = "127.0.0.1"
	}
	return c
}

// everybody waits until nearly all conversations are there: some are always
// between two.
func (r *longRun) everybody(ctx context.Context) error {
	for {
		now, err := take(ctx, r.site)
		if err != nil || now.conversations >= float64(r.plan.conversations)*0.95 {
			return err
		}
		if err := pause(ctx, 100*time.Millisecond, nil); err != nil {
			return fmt.Errorf("only %.0f conversations have come about: %w", now.conversations, err)
		}
	}
}

// hiccups are spamd's: it is told to read its rules again, as sa-update does, and
// it stops in its tracks for a moment.
func (r *longRun) hiccups(ctx context.Context) {
	between := max(r.plan.long/10, 5*time.Second)
	for {
		if pause(ctx, between, nil) != nil {
			return
		}
		_ = r.site.Spamd.Signal(syscall.SIGHUP)
		if pause(ctx, between, nil) != nil {
			return
		}
		r.site.Spamd.Pause()
		_ = pause(ctx, time.Second, nil)
		r.site.Spamd.Resume()
	}
}

// slack is how many descriptors and goroutines more than before may be there in
// the end: connections that are kept for the next message.
const slack = 15

// rest waits until nothing is left of the load.
func (r *longRun) rest(ctx context.Context, before sample) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		now, err := take(ctx, r.site)
		if err != nil {
			return now, err
		}
		if now.conversations == 0 && now.goroutines <= before.goroutines+slack && now.descriptors <= before.descriptors+slack {
			return now, nil
		}
		if pause(ctx, 100*time.Millisecond, nil) != nil {
			return now, fmt.Errorf("a minute after the load there are %.0f conversations, %.0f goroutines (before: %.0f), %.0f descriptors (before: %.0f)",
				now.conversations, now.goroutines, before.goroutines, now.descriptors, before.descriptors)
		}
	}
}

// flat compares the first third of the load with the last.
func (r *longRun) flat(out io.Writer, before, after sample, samples []sample) {
	fmt.Fprint(out, "| | before | first third | last third | afterwards |\n|---|---:|---:|---:|---:|\n")
	for _, figure := range []struct {
		name  string
		of    func(sample) float64
		ratio float64
		more  float64
	}{
		{"memory, MiB", func(s sample) float64 { return s.memory }, 1.25, 16},
		{"descriptors", func(s sample) float64 { return s.descriptors }, 1.1, 50},
		{"goroutines", func(s sample) float64 { return s.goroutines }, 1.1, 50},
		{"conversations", func(s sample) float64 { return s.conversations }, 1.1, 50},
	} {
		first, last := thirds(samples, figure.of)
		fmt.Fprintf(out, "| %s | %.0f | %.0f | %.0f | %.0f |\n", figure.name, figure.of(before), first, last, figure.of(after))
		r.misses.unless(last <= first*figure.ratio+figure.more, "%s rose from %.0f to %.0f", figure.name, first, last)
	}
	most := quantile(values(samples, func(s sample) float64 { return float64(s.smtpds) }), 1)
	held, _ := thirds(samples, func(s sample) float64 { return s.conversations })
	small := r.book.Took(func(a ledger.Attempt) bool {
		return len(a.Letter.Content) < 10_000 && len(a.Letter.To) == 1 && a.Reply.Code != 0 && !a.Letter.Slow
	})
	fmt.Fprintf(out, "\nSmall mail: median %.2f s, p99 %.2f s over %d. At most %.0f smtpd processes of P.\n\n", median(small), quantile(small, 0.99), len(small), most)
	fmt.Fprintf(out, "<!-- figures: leaked=%d -->\n", len(r.misses))
	r.misses.unless(held >= float64(r.plan.conversations)*0.8, "only %.0f conversations were held", held)
}

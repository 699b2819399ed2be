package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"proxyfilter/integration/ledger"
	"proxyfilter/integration/rig"
)

// trial is one run.
type trial struct {
	plan plan
	site *rig.Site
	errs io.Writer
	book ledger.Book
	took time.Duration

	mu    sync.Mutex
	kills []ledger.Kill
}

// begin brings the site up: two Postfixes, so that one can be killed without the
// other, with pauses after a failure that do not make the trial long.
func begin(ctx context.Context, p plan, errs io.Writer) (*trial, error) {
	site, err := rig.Start(ctx, rig.Options{
		Binary: p.binary,
		Apart:  true,
		Postfix: rig.PostfixOptions{Main: []string{
			"enable_long_queue_ids = yes", // a short one is used again
			"service_throttle_time = 1s",  // after a process that was killed before it had served
			"transport_retry_time = 1s", "queue_run_delay = 1s", "minimal_backoff_time = 1s",
		}},
		Filter: rig.FilterOptions{Set: []string{
			"log.format=json", "budget.wait=8s", "budget.verdict=15s", "budget.commit=20s", "budget.reply=30s",
		}},
	})
	if err != nil {
		return nil, err
	}
	return &trial{plan: p, site: site, errs: errs}, nil
}

// play sends and kills, until the last kill is done and every letter is decided.
func (t *trial) play(ctx context.Context) error {
	began := time.Now()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var letters atomic.Int64
	var killed atomic.Bool
	var clients, killers sync.WaitGroup
	for range t.plan.clients {
		clients.Go(func() {
			for !killed.Load() && ctx.Err() == nil {
				t.send(ctx, int(letters.Add(1)-1))
			}
		})
	}
	all := victims(t.site)
	shares, errs := share(t.plan.kills, len(all)), make([]error, len(all))
	for i, v := range all {
		random := rand.New(rand.NewPCG(t.plan.seed, uint64(i)))
		killers.Go(func() {
			if errs[i] = t.hunt(ctx, v, shares[i], random); errs[i] != nil {
				cancel() // without one of them the mail would stand still
			}
		})
	}
	killers.Wait()
	killed.Store(true)
	clients.Wait()
	t.took = time.Since(began)
	return errors.Join(errs...)
}

// send delivers one letter, through one or the other listener of Postfix. Whether
// it was decided is in the book.
func (t *trial) send(ctx context.Context, n int) {
	l := ledger.Corpus{Seed: t.plan.seed}.Letter(n)
	s := ledger.Sender{Book: &t.book, Front: t.site.Postfix.Front, From: rig.Stranger, Pause: 50 * time.Millisecond}
	if n%3 == 0 {
		s.Front = t.site.Postfix.Lockstep
	}
	_ = s.Deliver(ctx, &l)
}

func (t *trial) note(k ledger.Kill) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k.Number = len(t.kills) + 1
	t.kills = append(t.kills, k)
	if t.plan.verbose {
		fmt.Fprintln(t.errs, k)
	}
}

// tails are the ends of all logs, for a run that failed.
func (t *trial) tails() string {
	return fmt.Sprintf("P:\n%s\nA:\n%s\nproxyfilter:\n%s\nspamd:\n%s\n", t.site.Postfix.Log.Tail(25), t.site.After.Log.Tail(25),
		t.site.Filter.Log.Tail(15), t.site.Spamd.Log.Tail(10))
}

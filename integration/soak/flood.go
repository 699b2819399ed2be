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
	"time"

	"proxyfilter/integration/ledger"
	"proxyfilter/integration/rig"
)

// The flood in figures. The line for slots is hopeless from budget.wait on: three
// rounds of slots. The other limits leave room for scans that begin just before.
const (
	slots       = 8
	tide        = 10 * slots // clients at once
	waitScans   = 3
	verdictRest = 12 * time.Second
)

// budget is the program's, for scans of that length.
func budget(scan time.Duration) []string {
	wait := waitScans * scan
	return []string{
		fmt.Sprintf("budget.wait=%v", wait), fmt.Sprintf("budget.verdict=%v", wait+verdictRest),
		fmt.Sprintf("budget.commit=%v", wait+verdictRest+5*time.Second), fmt.Sprintf("budget.reply=%v", wait+verdictRest+25*time.Second),
	}
}

// flood is the second part.
type flood struct {
	plan    plan
	site    *rig.Site
	spamd   *standIn
	book    ledger.Book
	numbers atomic.Int64
	misses  misses

	began, over time.Time // when the line was full first, and when the flood ended
	gone        []*ledger.Letter
	last        []*ledger.Letter // sent directly after the flood
	beside      []*ledger.Letter // small ones beside large ones
}

func (p plan) floods(ctx context.Context, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, p.flood+patience)
	defer cancel()
	f := &flood{plan: p, spamd: newStandIn(slots+1, p.scan)}
	address, err := f.spamd.server.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer f.spamd.server.Close()
	f.site, err = rig.Start(ctx, rig.Options{
		Binary: p.binary, Apart: true, SpamdAddress: address.String(),
		// All clients are one address here, which Postfix would hold to 50 at once.
		Postfix: rig.PostfixOptions{Main: []string{"enable_long_queue_ids = yes", "smtpd_client_connection_count_limit = 0"}},
		Filter:  rig.FilterOptions{Set: append(budget(p.scan), "log.format=json", fmt.Sprintf("spamd.slots=%d", slots))},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.site.Close()) }()
	fmt.Fprintf(out, "### The flood\n\n%d clients for %d slots, %v a scan, %v.\n\n", tide, slots, p.scan, p.flood.Round(time.Second))
	if err := f.play(ctx, out); err != nil {
		return fmt.Errorf("the flood: %w\nproxyfilter:\n%s", err, f.site.Filter.Log.Tail(10))
	}
	return f.misses.err()
}

func (f *flood) play(ctx context.Context, out io.Writer) error {
	samples, err := f.rise(ctx)
	if err != nil {
		return err
	}
	f.last = f.burst(ctx, slots, 3000)
	f.mix(ctx)
	records, err := settle(ctx, f.site, &f.book, out, &f.misses)
	if err != nil {
		return err
	}
	f.judge(out, records, samples)
	return nil
}

// letter is one of so many bytes, for which an answer of any kind is an end.
func (f *flood) letter(size int) *ledger.Letter {
	n := int(f.numbers.Add(1) - 1)
	l := &ledger.Letter{Number: n, ID: fmt.Sprintf("%d.flood@example.org", n), Tries: 1}
	l.From, l.To = "carol@example.org", []string{"alice@" + rig.Domain}
	head := fmt.Sprintf("Subject: flood\r\nDate: %s\r\nMessage-ID: <%s>\r\n\r\n", time.Now().Format(time.RFC1123Z), l.ID)
	l.Content = []byte(head + strings.Repeat(lines, 1+size/len(lines)))
	return l
}

func (f *flood) deliver(ctx context.Context, l *ledger.Letter) {
	_ = ledger.Sender{Book: &f.book, Front: f.site.Postfix.Front, From: rig.Stranger}.Deliver(ctx, l)
}

// rise is the flood itself. A client that was sent away comes again with another
// letter; so there are always more than could ever be served.
func (f *flood) rise(ctx context.Context) ([]sample, error) {
	flooding, end := context.WithCancel(ctx)
	defer end()
	var clients sync.WaitGroup
	for i := range tide {
		random := rand.New(rand.NewPCG(f.plan.seed, uint64(i)))
		clients.Go(func() {
			for flooding.Err() == nil {
				f.deliver(ctx, f.letter(3000))
				_ = pause(flooding, f.plan.scan/2+time.Duration(random.Int64N(int64(f.plan.scan))), nil)
			}
		})
	}
	if err := f.full(ctx); err != nil {
		return nil, err
	}
	f.began = time.Now()
	timed, cancel := context.WithTimeout(ctx, f.plan.flood)
	defer cancel()
	var leaving sync.WaitGroup
	leaving.Go(func() { f.leavers(ctx, timed) })
	samples, err := watch(timed, f.site, 200*time.Millisecond)
	leaving.Wait()
	f.over = time.Now()
	end()
	clients.Wait()
	return samples, err
}

// full waits until somebody has been sent away: then the line is as long as it
// may be.
func (f *flood) full(ctx context.Context) error {
	for len(f.book.Took(sentAway)) == 0 {
		if err := pause(ctx, 20*time.Millisecond, nil); err != nil {
			return fmt.Errorf("nobody has been sent away: %w", err)
		}
	}
	return nil
}

func sentAway(a ledger.Attempt) bool { return strings.Contains(a.Reply.Text, "Too busy") }

// leavers are conversations as of a Postfix that is killed: everything has been
// said up to the final dot, and before the answer there is nobody any more. Most
// are sent away before they can leave; some must have left.
func (f *flood) leavers(ctx, timed context.Context) {
	for ctx.Err() == nil && (timed.Err() == nil || len(f.gone) == 0) {
		l := f.letter(3000)
		c := callers{direct: true, address: f.site.Filter.Address, from: "127.0.0.1"}
		a := ledger.Attempt{Letter: l, Number: 1, Helo: l.Helo(1), Began: time.Now()}
		a.Reply, a.Err = c.leave(ctx, l, f.plan.scan/10)
		if a.Ended = time.Now(); a.Reply.Code == 0 {
			l.Abandoned = true
			f.gone = append(f.gone, l)
		}
		f.book.Enter(l)
		f.book.Add(a)
		_ = pause(timed, 50*time.Millisecond, nil)
	}
}

// burst sends so many letters of a size at once, and waits for the answers.
func (f *flood) burst(ctx context.Context, letters, size int) []*ledger.Letter {
	list := make([]*ledger.Letter, letters)
	var clients sync.WaitGroup
	for i := range list {
		list[i] = f.letter(size)
		clients.Go(func() { f.deliver(ctx, list[i]) })
	}
	clients.Wait()
	return list
}

// mix lets large messages, more than there is room for at once, take their time,
// and sends small ones meanwhile.
func (f *flood) mix(ctx context.Context) {
	f.spamd.takes(f.plan.scan/20, 2*f.plan.scan)
	large := make(chan struct{})
	go func() {
		defer close(large)
		f.burst(ctx, slots, largeFrom+1000)
	}()
	for {
		select {
		case <-large:
			return
		default:
			f.beside = append(f.beside, f.burst(ctx, 2, 3000)...)
		}
	}
}

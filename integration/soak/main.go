// Command soak keeps a mail site under load for minutes, and looks whether
// anything grows, starves or is lost.
//
// It has two parts. In the long run everything is real: two Postfixes,
// proxyfilter and spamd. Thousands of slow conversations are open with
// proxyfilter itself, most of which break off in one way or another, while mail of
// all kinds goes through Postfix, spamd is restarted and stopped in its tracks,
// and the second Postfix refuses some recipients. Memory, descriptors and
// goroutines must stay flat, and be as before when it is over.
//
// In the flood spamd is a stand-in whose capacity is known. Ten times as many
// clients as there are scan slots send without end. Who cannot be served in time
// must be told so at once, every slot must be used all the time, nobody may be
// answered who has gone, and when it is over there must be nothing left of it.
// Then large messages take their time, and small ones must not wait for them.
//
//	soak -minutes 5 -conversations 2000
//
// Both parts close their accounts with package ledger. What it asserts are
// counts, ratios, and limits that the program's own clock promises: it must hold
// on any machine. What the flood says of time is in scans, of which each is the
// longer, the less the machine weighs. Other times are printed only. It prints Markdown, and exits with
// 1 when anything was not as it must be.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"proxyfilter/integration/ledger"
	"proxyfilter/integration/rig"
)

func main() {
	os.Exit(command(os.Args[1:], os.Stdout, os.Stderr))
}

// command carries it out. Exit codes: 0 fine, 1 not, 2 usage.
func command(args []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(errs)
	p := plan{scan: time.Second}
	flags.StringVar(&p.binary, "program", "", "load this proxyfilter, instead of building the one of this module")
	minutes := flags.Float64("minutes", 5, "how long; the flood gets a fifth of it")
	flags.IntVar(&p.conversations, "conversations", 2000, "slow conversations at once, beside the mail that goes through Postfix")
	flags.Uint64Var(&p.seed, "seed", 0, "what decides about letters and faults; 0: chosen, and printed")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *minutes <= 0 || p.conversations < 1 {
		fmt.Fprintln(errs, "soak: needs some time and at least one conversation")
		return 2
	}
	p.long = time.Duration(*minutes * 0.8 * float64(time.Minute))
	p.flood = time.Duration(*minutes * 0.2 * float64(time.Minute))
	return rig.Command("soak", errs, func(ctx context.Context) error { return run(ctx, p, out, errs) })
}

// plan is what is to happen.
type plan struct {
	binary        string
	long, flood   time.Duration // under full load
	scan          time.Duration // takes so long, in the flood: its other times are multiples of it
	conversations int
	seed          uint64
}

// patience is what a part may take beyond its time: to start, to come to rest.
const patience = 4 * time.Minute

// run carries a plan out, and prints what came of it.
func run(ctx context.Context, p plan, out, errs io.Writer) error {
	if p.seed == 0 {
		p.seed = rand.Uint64()
	}
	fmt.Fprintf(errs, "soak: seed %d\n", p.seed)
	binary, remove, err := rig.Subject(ctx, p.binary)
	if err != nil {
		return err
	}
	defer remove()
	p.binary = binary
	long := p.longRun(ctx, out)
	if ctx.Err() != nil {
		return long
	}
	return errors.Join(long, p.floods(ctx, out))
}

// misses collects what was not as it must be.
type misses []string

func (m *misses) unless(holds bool, format string, args ...any) {
	if !holds {
		*m = append(*m, fmt.Sprintf(format, args...))
	}
}

func (m misses) err() error {
	if len(m) == 0 {
		return nil
	}
	return errors.New(strings.Join(m, "\n"))
}

// settle closes the account of a site that has come to rest.
func settle(ctx context.Context, s *rig.Site, book *ledger.Book, out io.Writer, m *misses) ([]ledger.Record, error) {
	if err := s.After.Empty(ctx); err != nil {
		return nil, err
	}
	mails, err := s.After.Mailbox()
	if err != nil {
		return nil, err
	}
	records := ledger.Records(s.Filter.Log.All(0, `"action":`))
	figures, faults, _ := ledger.Balance(ledger.Evidence{
		Book: book, Copies: ledger.Copies(mails), Records: records, Filter: s.Filter.Log.All(0, `.`), NextHop: s.After.Log.All(0, `.`),
	})
	fmt.Fprintf(out, "%s\n%s", figures.Table(), figures.Comment())
	for _, f := range faults[:min(len(faults), 20)] {
		fmt.Fprintf(out, "FAULT %s\n\n", f)
	}
	m.unless(len(faults) == 0, "%d faults in the account", len(faults))
	return records, nil
}

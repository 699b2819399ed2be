// Command kills ends processes with SIGKILL while mail goes through real Postfix,
// proxyfilter, a second Postfix and real spamd, and then keeps account.
//
// Each of the four daemons has a killer of its own, so that one may die while
// another is just coming up again. A killer waits until the load has moved on,
// then for a random moment, or for one in which the second Postfix is just taking a
// message: that is where losses and doubles arise, and chance alone would rarely
// find it. What it ends, it starts again, as an init system would. Meanwhile clients
// send letters and repeat each one until it is taken or refused.
//
// In the end every letter that was taken must be there once, no letter that was
// refused may be there, and each double must be explained by an answer that was
// lost (see package ledger).
//
//	kills -kills 200 -seed 1
//
// It prints Markdown, and exits with 1 when anything was not as it must be.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"proxyfilter/integration/rig"
)

func main() {
	os.Exit(command(os.Args[1:], os.Stdout, os.Stderr))
}

// command carries it out. Exit codes: 0 fine, 1 not, 2 usage.
func command(args []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("kills", flag.ContinueOnError)
	flags.SetOutput(errs)
	var p plan
	flags.StringVar(&p.binary, "program", "", "kill this proxyfilter, instead of building the one of this module")
	flags.IntVar(&p.kills, "kills", 20, "processes to end")
	flags.IntVar(&p.clients, "clients", 8, "clients that send at once")
	flags.Uint64Var(&p.seed, "seed", 0, "what decides about letters, victims and moments; 0: chosen, and printed")
	flags.BoolVar(&p.verbose, "v", false, "print what is killed as it happens")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if p.kills < 1 || p.clients < 1 {
		fmt.Fprintln(errs, "kills: needs at least one kill and one client")
		return 2
	}
	return rig.Command("kills", errs, func(ctx context.Context) error { return run(ctx, p, out, errs) })
}

// plan is what is to happen.
type plan struct {
	binary  string
	kills   int
	clients int
	seed    uint64
	verbose bool
}

// patience bounds a run. A kill and what follows takes a second or a few.
func (p plan) patience() time.Duration { return 3*time.Minute + time.Duration(p.kills)*15*time.Second }

// run carries a plan out, and prints what came of it.
func run(ctx context.Context, p plan, out, errs io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, p.patience())
	defer cancel()
	if p.seed == 0 {
		p.seed = rand.Uint64()
	}
	fmt.Fprintf(errs, "kills: seed %d\n", p.seed) // first of all, in case nothing else follows
	binary, remove, err := rig.Subject(ctx, p.binary)
	if err != nil {
		return err
	}
	defer remove()
	p.binary = binary
	t, err := begin(ctx, p, errs)
	if err != nil {
		return err
	}
	err = t.play(ctx)
	if err == nil {
		err = t.report(ctx, out)
	}
	if err != nil {
		fmt.Fprint(errs, t.tails())
	}
	if closed := t.site.Close(); err == nil {
		err = closed
	}
	return err
}

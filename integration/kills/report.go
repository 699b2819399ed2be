package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"proxyfilter/integration/ledger"
)

// report waits until everything that A took is delivered, closes the account and
// prints it. It fails when a figure that must be 0 is not.
func (t *trial) report(ctx context.Context, out io.Writer) error {
	if err := t.site.After.Empty(ctx); err != nil {
		return fmt.Errorf("wait for the deliveries of A: %w", err)
	}
	mails, err := t.site.After.Mailbox()
	if err != nil {
		return err
	}
	figures, faults, explained := ledger.Balance(ledger.Evidence{
		Book: &t.book, Copies: ledger.Copies(mails), Kills: t.kills,
		Records: ledger.Records(t.site.Filter.Log.All(0, `"action":`)),
		Filter:  t.site.Filter.Log.All(0, `.`),
		NextHop: t.site.After.Log.All(0, `.`),
	})
	fmt.Fprintf(out, "%d kills in %s, seed %d: %s.\n\n%s\n", len(t.kills), t.took.Round(time.Second), t.plan.seed, t.counted(), figures.Table())
	fmt.Fprint(out, figures.Comment())
	for _, f := range explained {
		fmt.Fprintln(out, "- "+f.What)
		fmt.Fprintln(t.errs, f)
	}
	for _, f := range faults {
		fmt.Fprintf(out, "\nFAULT %s\n", f)
	}
	if len(faults) > 0 {
		return fmt.Errorf("%d faults; seed %d", len(faults), t.plan.seed)
	}
	return nil
}

// counted says how often each kind of process was killed.
func (t *trial) counted() string {
	count := make(map[string]int)
	for _, k := range t.kills {
		count[k.What]++
	}
	var words []string
	for _, what := range slices.Sorted(maps.Keys(count)) {
		words = append(words, fmt.Sprintf("%s %d", what, count[what]))
	}
	return strings.Join(words, ", ")
}

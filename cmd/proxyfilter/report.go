package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"proxyfilter/cmd/proxyfilter/reportpage"
	"proxyfilter/filter/review"
)

const reportHelp = `Counts what is in the journal for a span of time: what became of mail and why, scores
and limits, what made scores wrong, refusals by time, the rules, clients and recipients
that stand out, slow scans, errors of scanners, refusals that one recipient's policy has
prevented, and what another limit would have done. Refusals that were only observed count
as refusals, and it is said how many there were.

--html writes one page with plots, which needs nothing else: no network, no script.
It names clients and recipients, so only its owner may read the file. "-" is standard
output.

How mail is known to be wanted: a user has sent it; it is from somebody to whom a user
has written before in that time, and SPF or DKIM says that it is them; or [lists]
accepts it. Clients and recipients are those of messages whose addresses are not yet
hashed (journal.keep_addresses); of the most frequent there are exact counts, unless
there are more than 4096 of them, and then they are at most a little too high. What
another limit would have done is counted by score alone; "replay" follows every
policy.

The exit code is 1 when the journal has nothing of that time.`

// reportFlags say what is counted, and how the answer looks.
type reportFlags struct {
	period
	html   string
	asJSON bool
}

func (p *program) reportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Count what became of mail, and why",
		Long:  reportHelp,
		Args:  cobra.NoArgs,
		Example: `  proxyfilter report --since 7d
  proxyfilter report --since 2026-11-01 --until 2026-12-01 --html november.html`,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.report(contextOr(cmd.Context()), f) },
	}
	f.flags(cmd.Flags(), "1d")
	cmd.Flags().StringVar(&f.html, "html", "", "write a page with plots to `FILE`")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "for programs")
	cmd.MarkFlagsMutuallyExclusive("html", "json")
	return cmd
}

func (p *program) report(ctx context.Context, f reportFlags) error {
	q, err := f.query(time.Now())
	if err != nil {
		return exit{exitUsage, fmt.Errorf("proxyfilter: %w", err)}
	}
	_, archive, err := p.archive()
	if err != nil {
		return err
	}
	r := review.NewReport(q.From, q.To)
	if err := p.read(ctx, archive, q, r.Add); err != nil {
		return err
	}
	if err := p.show(f, r.Summary()); err != nil {
		return exit{exitTemporary, fmt.Errorf("proxyfilter: report: %w", err)}
	}
	return nil
}

func (p *program) show(f reportFlags, s review.Summary) error {
	switch {
	case f.asJSON:
		return writeJSON(p.stdout, s)
	case f.html == "-":
		return reportpage.Write(p.stdout, s)
	case f.html != "":
		return writePrivate(f.html, func(w io.Writer) error { return reportpage.Write(w, s) })
	}
	out := bufio.NewWriter(p.stdout)
	printReport(out, s)
	return out.Flush()
}

// writePrivate makes a file that only its owner may read. One that is there already
// keeps its mode.
func writePrivate(file string, write func(io.Writer) error) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

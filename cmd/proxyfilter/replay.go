package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"proxyfilter/filter"
	"proxyfilter/filter/review"
)

const replayHelp = `Decides about the messages in the journal once more, under the configuration that -c
and -o name, and says what would have changed: how many, from what to what, and some
of them by reference, for "explain". Nothing is sent, and nobody is asked again.

  proxyfilter replay -o policy.reject_at=7      another limit
  proxyfilter replay -c new.toml                another file (it names the journal, too)
  proxyfilter replay                            what was in force then, against now

What is decided anew: limits and everything else in [policy] and [policies.*], which
policy a recipient, a client or a listener is under, policy.mixed, and what lists say
about senders and clients. If the configuration only observes, it is compared what
would have been done, else what was done.

What cannot be, and is counted apart: mail about which no policy has decided (too
large, refused by the second mail server, gone); mail that a list refused unscanned
and would not refuse any more, because nobody knows its score; mail of which the
journal has not kept all recipients. lists.accept_signed can only lose entries: who
has signed is not in the journal. Scores are those of then: other rules, or another
Bayes database, need new mail. Where addresses are hashed (journal.keep_addresses),
the policies are those that the record names, as they are now, and lists say what
they said.

--advise proposes policy.tag_at and policy.reject_at from the scores that were seen,
and says why. It goes by the mail that is known to be wanted: of your users, of those
to whom they have written before (if SPF or DKIM says that it is them), and what
[lists] accepts. Rules about dial-up addresses make mail of users look worse than it
is, so the advice is a careful one.

The exit code is 1 when the journal has nothing of that time, or too little for
advice.`

// replayFlags say what is replayed, and how the answer looks.
type replayFlags struct {
	period
	samples int
	advise  bool
	asJSON  bool
}

// maxSamples bounds --samples.
const maxSamples = 1000

func (p *program) replayCommand() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Tell what another policy would have done",
		Long:  replayHelp,
		Args:  cobra.NoArgs,
		Example: `  proxyfilter replay -o policy.reject_at=7 --since 7d
  proxyfilter replay --advise`,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.replay(contextOr(cmd.Context()), f) },
	}
	f.flags(cmd.Flags(), "30d")
	cmd.Flags().IntVar(&f.samples, "samples", 5, "at most so many messages of each change, the newest")
	cmd.Flags().BoolVar(&f.advise, "advise", false, "propose policy.tag_at and policy.reject_at")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "for programs")
	return cmd
}

// replayed is the answer.
type replayed struct {
	From    time.Time `json:"from"`
	Until   time.Time `json:"until"`
	Observe bool      `json:"observe"` // it is compared what would have happened
	review.Outcome
	Advice *review.Advice `json:"advice,omitempty"`
}

func (p *program) replay(ctx context.Context, f replayFlags) error {
	q, err := f.query(time.Now())
	if err == nil && (f.samples < 0 || f.samples > maxSamples) {
		err = fmt.Errorf("--samples %d is not from 0 to %d", f.samples, maxSamples)
	}
	if err != nil {
		return exit{exitUsage, fmt.Errorf("proxyfilter: %w", err)}
	}
	c, archive, err := p.archive()
	if err != nil {
		return err
	}
	r := review.Replay{
		Judge:   filter.Judge{Lists: newLists(&c.config), Policies: newPolicies(&c.config)},
		Observe: c.Policy.Mode == "observe", Samples: f.samples,
	}
	if err := p.read(ctx, archive, q, r.Add); err != nil {
		return err
	}
	answer := replayed{From: q.From, Until: q.To, Observe: r.Observe, Outcome: r.Outcome()}
	if f.advise {
		advice, err := r.Advise()
		if err != nil {
			return exit{exitNo, fmt.Errorf("proxyfilter: no advice: %w", err)}
		}
		answer.Advice = &advice
	}
	print := answer.print
	if f.asJSON {
		print = func(io.Writer) error { return writeJSON(p.stdout, answer) }
	}
	if err := print(p.stdout); err != nil {
		return exit{exitTemporary, err}
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/spf13/cobra"

	"proxyfilter/filter"
	"proxyfilter/filter/journal"
)

const allowHelp = `Makes a temporary exception for mail like a message that was refused or marked for its
score: with --ref and the reference that its sender was told. It holds at once, or
within seconds at every host that shares the store (store.kind = "redis"). The sender
has to send the message again.

What mail has to have in common with that message:

  a valid signature of the domain in its From, if the message had one (DKIM; spamd must
  have said DKIM_VALID_AU). Such mail is accepted, wherever it comes from. A provider
  of free mailboxes signs for anybody, so this is not for senders there (FREEMAIL_FROM);
  otherwise the sender and the network of the client (/24, or /64 of IPv6), since a
  sender alone is whatever a client says. Such mail is accepted;
  with --client: only the client. Its mail is accepted;
  with --sender or --domain: only the sender, or the domain of the sender. Whoever knows
  the name can use it, so such mail is marked at most.

A signature is looked for only in mail whose score is too high: that takes a question to
the name servers of the domain, for five seconds at most. A signature of anybody else,
such as the service that sends for the domain, does not bind: it can be written into
lists.accept_signed.

It counts for every recipient. It changes nothing for mail that is refused for another reason: a virus, a
list, a scanner that does not answer. It lasts a minute at least and a year at most.

References are looked up in the journal, which is for its owner and root. While a process
has the store open (store.path), it is asked, on a socket beside the file. The exit code
is 1 when there is nothing of that name, or an exception would not help.`

// allowFlags say what is to be done, and with what.
type allowFlags struct {
	ref, revoke            string
	list                   bool
	lasts                  string
	sender, domain, client bool
	asJSON                 bool
}

func (p *program) allowCommand() *cobra.Command {
	var f allowFlags
	cmd := &cobra.Command{
		Use:   "allow --ref REF | --list | --revoke ID",
		Short: "Let mail in for a time that was refused for its score",
		Long:  allowHelp,
		Args:  cobra.NoArgs,
		Example: `  proxyfilter allow --ref 1JD3K8M7Q2XA
  proxyfilter allow --ref 1JD3K8M7Q2XA --for 12h --client
  proxyfilter allow --list
  proxyfilter allow --revoke 1JD3M0C5Z8RK`,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.allow(contextOr(cmd.Context()), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.ref, "ref", "", "the `REFERENCE` of the message")
	flags.StringVar(&f.lasts, "for", "7d", "how long, as `TIME`: 1m to 366d")
	flags.BoolVar(&f.sender, "sender", false, "for its sender, from anywhere; such mail is marked at most")
	flags.BoolVar(&f.domain, "domain", false, "for the domain of its sender, from anywhere; such mail is marked at most")
	flags.BoolVar(&f.client, "client", false, "for its client, whatever that sends")
	flags.BoolVar(&f.list, "list", false, "list what is in force")
	flags.StringVar(&f.revoke, "revoke", "", "end the exception of that `ID`")
	flags.BoolVar(&f.asJSON, "json", false, "for programs: a list of exceptions")
	cmd.MarkFlagsOneRequired("ref", "list", "revoke")
	cmd.MarkFlagsMutuallyExclusive("ref", "list", "revoke")
	cmd.MarkFlagsMutuallyExclusive("sender", "domain", "client")
	return cmd
}

func (p *program) allow(ctx context.Context, f allowFlags) error {
	switch {
	case f.list:
		return p.listAllowed(ctx, f)
	case f.revoke != "":
		return p.revokeAllowed(ctx, f)
	}
	e, r, err := p.exceptionFor(ctx, f)
	if err != nil {
		return err
	}
	keeper, done, err := p.exceptionKeeper()
	if err != nil {
		return err
	}
	defer done()
	if err := keeper.Make(ctx, e, p.clock()()); err != nil {
		return exit{exitTemporary, fmt.Errorf("proxyfilter: allow: %w", err)}
	}
	if f.asJSON {
		return p.printAllowed([]filter.Exception{e})
	}
	return p.printMade(e, r)
}

// exceptionFor is the exception that is asked for, and the record of its message.
func (p *program) exceptionFor(ctx context.Context, f allowFlags) (filter.Exception, *filter.Record, error) {
	usage := func(err error) (filter.Exception, *filter.Record, error) {
		return filter.Exception{}, nil, exit{exitUsage, fmt.Errorf("proxyfilter: %w", err)}
	}
	lasts, err := parseSpan(f.lasts)
	if err != nil {
		return usage(fmt.Errorf("--for: %w, such as 12h or 7d", err))
	}
	if lasts < filter.MinException || lasts > filter.MaxException {
		return usage(fmt.Errorf("--for %s is not from 1m to 366d; what should last longer has its place in [lists]", f.lasts))
	}
	ref, err := filter.CanonicalReference(f.ref)
	if err != nil {
		return usage(fmt.Errorf("--ref: %w", err))
	}
	entry, err := p.refusedAs(ctx, ref)
	if err != nil {
		return filter.Exception{}, nil, err
	}
	made := p.clock()().UTC().Truncate(time.Second)
	e := filter.Exception{ID: filter.Reference(made, rand.Uint32()), Reference: ref, Made: made, Until: made.Add(lasts.Truncate(time.Second))}
	e, err = f.bind(e, entry)
	if err == nil {
		err = e.Check()
	}
	if err != nil {
		return filter.Exception{}, nil, exit{exitNo, fmt.Errorf("proxyfilter: %s: %w", ref, err)}
	}
	return e, &entry.Record, nil
}

// refusedAs is the record of a message whose score was too high.
func (p *program) refusedAs(ctx context.Context, ref string) (journal.Entry, error) {
	c, archive, err := p.archive()
	if err != nil {
		return journal.Entry{}, err
	}
	found, err := archive.Last(ctx, journal.Query{Reference: ref}, maxExplained)
	for _, e := range found {
		if e.Verdict.ByScore() {
			return e, nil
		}
	}
	switch {
	case len(found) > 0:
		e := &found[0]
		return journal.Entry{}, exit{exitNo, fmt.Errorf("proxyfilter: %s was %s, and the reason is %q: an exception is for mail whose score is too high; see \"proxyfilter explain %s\"",
			ref, headline(&e.Record), e.Verdict.Reason, ref)}
	case err != nil:
		return journal.Entry{}, exit{exitTemporary, fmt.Errorf("proxyfilter: read the journal: %w", err)}
	}
	return journal.Entry{}, p.notFound(c, explainFlags{}, ref)
}

func (p *program) listAllowed(ctx context.Context, f allowFlags) error {
	keeper, done, err := p.exceptionKeeper()
	if err != nil {
		return err
	}
	defer done()
	all, err := keeper.All(ctx, p.clock()())
	if err != nil && len(all) == 0 {
		return exit{exitTemporary, fmt.Errorf("proxyfilter: allow: %w", err)}
	}
	if err != nil {
		fmt.Fprintf(p.stderr, "warning: %v\n", err)
	}
	if f.asJSON {
		return p.printAllowed(all)
	}
	return p.printList(all)
}

func (p *program) revokeAllowed(ctx context.Context, f allowFlags) error {
	id, err := filter.CanonicalReference(f.revoke)
	if err != nil {
		return exit{exitUsage, fmt.Errorf("proxyfilter: --revoke: %w", err)}
	}
	keeper, done, err := p.exceptionKeeper()
	if err != nil {
		return err
	}
	defer done()
	e, found, err := keeper.Revoke(ctx, id)
	switch {
	case err != nil:
		return exit{exitTemporary, fmt.Errorf("proxyfilter: allow: %w", err)}
	case !found:
		return exit{exitNo, errors.New("proxyfilter: there is no exception " + id + "; \"proxyfilter allow --list\" lists those in force")}
	case f.asJSON:
		return p.printAllowed([]filter.Exception{e})
	}
	_, err = fmt.Fprintf(p.stdout, "%s is revoked: %s\n", e.ID, visible(exceptedMail(e)))
	return answerTemporary(err)
}

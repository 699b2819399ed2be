package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"proxyfilter/filter"
	"proxyfilter/filter/journal"
)

const explainHelp = `Tells what became of a message and why, from the journal: who sent what to whom,
each source with its score and its rules, the policy that applied, the answer, the
times, and what would have let it through.

WHAT is the reference that the sender was told ("ref 1JD3K8M7Q2XA", in any case of
letters), the queue id of the second Postfix, a Message-ID, or an address. An address
is searched for in the last day, or in --since; several messages give a list, newest
first. The others are found at once, whatever their age.

The journal is for its owner and root only. What is older than
journal.keep_addresses has hashed addresses, and is still found by the address
itself. The exit code is 1 when there is nothing of that name.`

// explainFlags say how far to look, and how the answer looks.
type explainFlags struct {
	last   bool
	since  string
	limit  int
	asJSON bool
}

// maxExplained bounds --limit.
const maxExplained = 10000

func (p *program) explainCommand() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain WHAT",
		Short: "Tell why a message was refused, or what became of it",
		Long:  explainHelp,
		Args: func(cmd *cobra.Command, args []string) error {
			if f.last {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		Example: `  proxyfilter explain 1JD3K8M7Q2XA
  proxyfilter explain carol@example.org --since 7d
  proxyfilter explain --last`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.story(cmd.Context(), f, strings.Join(args, ""))
		},
	}
	cmd.Flags().BoolVar(&f.last, "last", false, "the newest message")
	cmd.Flags().StringVar(&f.since, "since", "1d", "how far back an address is searched for, as `TIME`")
	cmd.Flags().IntVar(&f.limit, "limit", 20, "at most so many messages of an address")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "for programs: a list, with the records of the journal")
	return cmd
}

func (p *program) story(ctx context.Context, f explainFlags, what string) error {
	since, err := parseSpan(f.since)
	if err != nil {
		return exit{exitUsage, fmt.Errorf("proxyfilter: --since: %w", err)}
	}
	if f.limit < 1 || f.limit > maxExplained {
		return exit{exitUsage, fmt.Errorf("proxyfilter: --limit %d is not from 1 to %d", f.limit, maxExplained)}
	}
	c, archive, err := p.archive()
	if err != nil {
		return err
	}
	found, searched, err := look(contextOr(ctx), archive, f, what, time.Now().Add(-since))
	if err != nil && len(found) == 0 {
		return exit{exitTemporary, fmt.Errorf("proxyfilter: read the journal: %w", err)}
	}
	if err != nil {
		fmt.Fprintf(p.stderr, "warning: a part of the journal cannot be read: %v\n", err)
	}
	if len(found) == 0 {
		return p.notFound(c, f, what)
	}
	return p.tell(f, found, searched)
}

// archive is the journal that the configuration names.
func (p *program) archive() (loaded, *journal.Archive, error) {
	c, err := p.load()
	if err != nil {
		return c, nil, err
	}
	if c.Journal.Dir == "" {
		return c, nil, exit{exitUsage, errors.New("proxyfilter: journal.dir is empty: no journal is kept")}
	}
	a, err := journal.OpenArchive(c.Journal.Dir)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return c, nil, exit{exitTemporary, fmt.Errorf("proxyfilter: %w; the journal is for its owner and root", err)}
	case err != nil:
		return c, nil, exit{exitTemporary, fmt.Errorf("proxyfilter: there is no journal: %w", err)}
	}
	return c, a, nil
}

// look tries what WHAT may be, from the surest to the most expensive. It reports
// whether it came to searching, which finds messages that have nothing to do with
// each other.
func look(ctx context.Context, a *journal.Archive, f explainFlags, what string, since time.Time) (found []journal.Entry, searched bool, failed error) {
	if f.last {
		found, failed = a.Last(ctx, journal.Query{}, 1)
		return found, false, failed
	}
	var queries []journal.Query
	what = strings.TrimSpace(what)
	if strings.Trim(what, "<> ") == "" {
		return nil, false, nil // not even a name, and the zero Query wants all
	}
	if _, err := filter.CanonicalReference(what); err == nil {
		queries = append(queries, journal.Query{Reference: what})
	}
	queries = append(queries, journal.Query{QueueID: what}, journal.Query{MessageID: what})
	if strings.Contains(what, "@") {
		queries = append(queries, journal.Query{Address: what, From: since})
	}
	for _, q := range queries {
		found, err := a.Last(ctx, q, f.limit)
		failed = errors.Join(failed, err)
		if len(found) > 0 {
			return found, q.Address != "", failed
		}
	}
	return nil, false, failed
}

// notFound says where nothing was found, and why that may be.
func (p *program) notFound(c loaded, f explainFlags, what string) error {
	if f.asJSON {
		if err := writeJSON(p.stdout, []account{}); err != nil {
			return exit{exitTemporary, err}
		}
		return exit{code: exitNo}
	}
	if f.last {
		return exit{exitNo, fmt.Errorf("proxyfilter: the journal in %s is empty", c.Journal.Dir)}
	}
	hint := fmt.Sprintf("; it goes back %s", formatSpan(c.Journal.Keep))
	if at, err := filter.ReferenceTime(what); err == nil {
		hint += fmt.Sprintf(", and as a reference this would be of %s", at.Format(time.DateTime))
	} else if strings.Contains(what, "@") {
		hint += fmt.Sprintf("; addresses were searched for in the last %s (--since)", f.since)
	}
	return exit{exitNo, fmt.Errorf("proxyfilter: nothing about %s in the journal in %s%s", quote(what), c.Journal.Dir, hint)}
}

// tell prints stories, or a list when there are several messages.
func (p *program) tell(f explainFlags, found []journal.Entry, searched bool) error {
	accounts := make([]account, 0, len(found))
	for _, e := range found {
		accounts = append(accounts, newAccount(e))
	}
	if f.asJSON {
		if err := writeJSON(p.stdout, accounts); err != nil {
			return exit{exitTemporary, err}
		}
		return nil
	}
	several := func(e journal.Entry) bool { return e.Envelope.ID != found[0].Envelope.ID }
	var err error
	if searched && slices.ContainsFunc(found, several) {
		err = printList(p.stdout, found)
	} else {
		slices.Reverse(accounts) // recipients were refused before the message was
		for i, a := range accounts {
			if i > 0 {
				fmt.Fprintln(p.stdout)
			}
			err = errors.Join(err, a.print(p.stdout))
		}
	}
	if err != nil {
		return exit{exitTemporary, err}
	}
	return nil
}

// contextOr is ctx, which cobra leaves nil when nobody has given one.
func contextOr(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

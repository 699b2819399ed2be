package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"proxyfilter/filter/journal"
)

const journalHelp = `What the journal has about a person, for requests of those it is about (GDPR, articles
15 and 17): everything that names the address, as sender or recipient, in the header's
From, or in what was said; also where it is hashed by now. Case does not count.

The log of this program and of Postfix names the same addresses, and so do backups, and
exceptions (proxyfilter allow --list).`

func (p *program) journalCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "journal", Short: "Export or erase what the journal has about an address", Long: journalHelp}
	cmd.AddCommand(p.exportCommand(), p.eraseCommand())
	return cmd
}

const exportHelp = `Prints every record of the journal that names the address, oldest first: as stories, or
with --json as a list of records in the journal's own format. Records name others
too, the other party of each message at least: look through them before you hand
them out. The exit code is 1 when there are none.`

func (p *program) exportCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "export ADDRESS",
		Short:   "Print what the journal has about an address",
		Long:    exportHelp,
		Args:    cobra.ExactArgs(1),
		Example: `  proxyfilter journal export ann@example.org --json > ann.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.export(contextOr(cmd.Context()), args[0], asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs: a list of records")
	return cmd
}

func (p *program) export(ctx context.Context, address string, asJSON bool) error {
	a, err := p.archiveFor(address)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(p.stdout)
	print := printStory
	if asJSON {
		print = printRecord
	}
	count := 0
	for e, err := range a.All(ctx, journal.Query{Address: address}) {
		if err == nil {
			err = print(out, count, e)
		}
		if err != nil {
			out.Flush()
			return exit{exitTemporary, fmt.Errorf("proxyfilter: export: %w", err)}
		}
		count++
	}
	if asJSON {
		io.WriteString(out, map[bool]string{true: "[]\n", false: "\n]\n"}[count == 0])
	}
	if err := out.Flush(); err != nil {
		return exit{exitTemporary, err}
	}
	if count == 0 && !asJSON {
		return exit{exitNo, fmt.Errorf("proxyfilter: nothing in the journal names %s", quote(address))}
	}
	if count == 0 {
		return exit{code: exitNo}
	}
	return nil
}

// printStory writes the nth of several stories.
func printStory(w io.Writer, n int, e journal.Entry) error {
	if n > 0 {
		fmt.Fprintln(w)
	}
	return newAccount(e).print(w)
}

// printRecord writes the nth element of a list, which begins with the first.
func printRecord(w io.Writer, n int, e journal.Entry) error {
	record, err := e.JSON()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n  %s", map[bool]string{true: "[", false: ","}[n == 0], record)
	return err
}

const eraseHelp = `Removes every record that names the address from the journal, as a whole, also if it
names others, and says how many there were. It can be done while the daemon runs;
what is sent meanwhile or later is kept again. Nothing brings the records back.

The references of the erased messages cannot be explained any more, and they are
missing in reports. The exit code is 0 also when there was nothing to erase.`

func (p *program) eraseCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "erase ADDRESS",
		Short:   "Remove what the journal has about an address",
		Long:    eraseHelp,
		Args:    cobra.ExactArgs(1),
		Example: `  proxyfilter journal erase ann@example.org`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.erase(contextOr(cmd.Context()), args[0], asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return cmd
}

func (p *program) erase(ctx context.Context, address string, asJSON bool) error {
	a, err := p.archiveFor(address)
	if err != nil {
		return err
	}
	erased, failed := a.Erase(ctx, address)
	if asJSON {
		err = writeJSON(p.stdout, map[string]any{"address": address, "erased": erased, "complete": failed == nil})
	} else {
		_, err = fmt.Fprintf(p.stdout, "%d records erased\n", erased)
	}
	switch {
	case failed != nil:
		return exit{exitTemporary, fmt.Errorf("proxyfilter: not everything could be erased: %w", failed)}
	case err != nil:
		return exit{exitTemporary, err}
	}
	return nil
}

// archiveFor refuses what is no address before anything is read.
func (p *program) archiveFor(address string) (*journal.Archive, error) {
	if local, domain, _ := strings.Cut(address, "@"); local == "" || domain == "" {
		return nil, exit{exitUsage, fmt.Errorf("proxyfilter: %s is not a whole address", quote(address))}
	}
	_, a, err := p.archive()
	return a, err
}

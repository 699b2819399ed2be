package main

import (
	"errors"
	"fmt"

	"github.com/hashicorp/go-multierror"
	"github.com/spf13/cobra"
)

const checkHelp = `Reads the configuration as "serve" would and prints what would be in force, as
TOML: defaults, overruled by the file, the environment and -o. A comment behind
a value that is not the default says where it came from.

Problems go to standard error, all of them at once, each with its place, what is
allowed and often a hint. Then nothing is printed and the exit code is 2. What is
allowed but hardly meant is a warning, and does not change the exit code. With
policy.mixed = "split" Postfix's postconf is asked whether speed_adjust is off. With
policy.forwarders SpamAssassin's own configuration is read, to see whether it trusts them.

With --fingerprint it prints one word instead, a digest of all that decides about
mail: hosts that have the same one filter alike. It has the entries of lists and their
files, and not where things are, what the host is called and how much it can do at
once. The log and the metric proxyfilter_config_info have that of the running process.

With --explain it prints instead which policy a recipient is under, and why.`

func (p *program) checkCommand() *cobra.Command {
	var asJSON, quiet, digest bool
	var spamassassin string
	var q question
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Validate the configuration and print what is in force",
		Long:  checkHelp,
		Args:  cobra.NoArgs,
		Example: `  proxyfilter check
  proxyfilter check --explain bob@example.org --client 192.0.2.7
  test "$(proxyfilter check --fingerprint)" = "$(ssh mx2 proxyfilter check --fingerprint)"
  proxyfilter check --quiet -c new.toml && cp new.toml ` + defaultFile,
		RunE: func(*cobra.Command, []string) error {
			c, err := p.checked(q, spamassassin)
			if asJSON && !q.asked() {
				return p.checkJSON(c, err)
			}
			p.warn(c)
			if err != nil {
				return exit{exitUsage, fmt.Errorf("%w\nproxyfilter: %s", err, tally(err))}
			}
			if q.asked() {
				return p.explain(c, q, asJSON)
			}
			if !quiet {
				p.printConfig(c, digest)
			}
			return nil
		},
	}
	q.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs: configuration, origins, fingerprint, warnings, errors")
	cmd.Flags().BoolVar(&digest, "fingerprint", false, "print a digest of what decides about mail, and nothing else")
	cmd.Flags().StringVar(&spamassassin, "spamassassin", "", "the `PATH` of spamd's configuration, a directory or one file, for policy.forwarders (default /etc/mail/spamassassin or /etc/spamassassin)")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print problems only")
	return cmd
}

// checked is the configuration, compared with what others are configured to do, unless
// there is a question about it alone.
func (p *program) checked(q question, spamassassin string) (loaded, error) {
	c, err := load(p.sources())
	if err == nil && !q.asked() {
		err = c.checkSpeedAdjust(p.environ)
		c.checkForwarders(spamassassin)
	}
	return c, err
}

// printConfig prints the configuration in force, or only its digest.
func (p *program) printConfig(c loaded, digest bool) {
	if digest {
		fmt.Fprintln(p.stdout, c.fingerprint())
		return
	}
	file := c.file
	if file == "" {
		file = "no file; the defaults serve"
	}
	fmt.Fprintf(p.stdout, "# %s\n# fingerprint %s\n\n", file, c.fingerprint())
	c.print(p.stdout)
}

// tally says how many problems an error holds.
func tally(err error) string {
	var all *multierror.Error
	if errors.As(err, &all) && len(all.Errors) != 1 {
		return fmt.Sprintf("%d errors in the configuration", len(all.Errors))
	}
	return "1 error in the configuration"
}

// checkReport is what --json prints.
type checkReport struct {
	Valid         bool              `json:"valid"`
	File          string            `json:"file,omitempty"`
	Fingerprint   string            `json:"fingerprint,omitempty"`
	Configuration any               `json:"configuration,omitempty"`
	Origins       map[string]string `json:"origins,omitempty"`
	Warnings      []problemReport   `json:"warnings,omitempty"`
	Errors        []problemReport   `json:"errors,omitempty"`
}

type problemReport struct {
	Where   string `json:"where"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Key     string `json:"key,omitempty"`
	Problem string `json:"problem"`
	Allowed string `json:"allowed,omitempty"`
	Hint    string `json:"hint,omitempty"`
}

func report(p problem) problemReport {
	r := problemReport{Where: p.at.String(), Key: p.key, Problem: p.what, Allowed: p.allowed, Hint: p.hint}
	if p.at.rank == fromFile {
		r.File, r.Line = p.at.name, p.at.line
	}
	return r
}

func (p *program) checkJSON(c loaded, err error) error {
	r := checkReport{Valid: err == nil, File: c.file}
	for _, w := range c.warnings {
		r.Warnings = append(r.Warnings, report(w))
	}
	if err == nil {
		r.Fingerprint, r.Configuration, r.Origins = c.fingerprint(), c.sections(), c.places()
		return writeJSON(p.stdout, r)
	}
	var all *multierror.Error
	if errors.As(err, &all) {
		for _, e := range all.Errors {
			var one problem
			if errors.As(e, &one) {
				r.Errors = append(r.Errors, report(one))
			}
		}
	}
	if err := writeJSON(p.stdout, r); err != nil {
		return err
	}
	return exit{code: exitUsage}
}

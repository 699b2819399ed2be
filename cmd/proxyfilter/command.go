package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// The exit codes of all commands.
const (
	exitFine      = 0
	exitNo        = 1  // the answer is no
	exitUsage     = 2  // the command line or the configuration is wrong
	exitTemporary = 75 // not now: EX_TEMPFAIL of sysexits(3)
)

// program is what a command is given of the world around it, and the flags that
// all commands have.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
	args           []string         // without the program's name
	now            func() time.Time // nil: the clock of this host

	file     string
	named    bool // the file was named by somebody
	options  []string
	takeover bool // of serve
}

// clock is the time by which exceptions end.
func (p *program) clock() func() time.Time {
	if p.now == nil {
		return time.Now
	}
	return p.now
}

// exit is an error with an exit code. Without a text of its own it is silent:
// the command has said everything.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

// run executes one command and returns the exit code of the process.
func run(args []string, p program) int {
	p.args = args
	root := p.command()
	root.SetArgs(args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := root.Execute()
	if err == nil {
		return exitFine
	}
	code := exitUsage // what cobra itself complains of
	var e exit
	if errors.As(err, &e) {
		code = e.code
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(p.stderr, text)
	}
	return code
}

const rootHelp = `proxyfilter stands between two listeners of Postfix. The first one hands it each
message while the remote client is still connected (smtpd_proxy_filter);
SpamAssassin's spamd scores it; the second one takes what passes, and its answer
is the client's answer. Spam is refused with 550 while the client waits. Nothing
is queued here, nothing is quarantined, and no mail is ever made.

Exit codes: 0 fine; 1 the answer is no; 2 the command line or the configuration
is wrong; 75 not now, try again.

Files: ` + defaultFile + ` is read when it exists. Without it the
defaults serve. "proxyfilter help configuration" lists everything that can be set.`

func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "proxyfilter",
		Short:         "Before-queue spam filter for Postfix",
		Long:          rootHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRun: func(cmd *cobra.Command, _ []string) {
			p.named = cmd.Flags().Changed("config")
		},
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&p.file, "config", "c", p.file, "configuration `FILE`")
	flags.StringArrayVarP(&p.options, "option", "o", nil, "set one key, as `section.key=value`; may be repeated")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(p.serveCommand(), p.checkCommand(), p.scanCommand(), p.healthCommand(), p.explainCommand(), p.allowCommand(), p.replayCommand(), p.reportCommand(), p.journalCommand(), p.learnCommand(), p.versionCommand(), configurationTopic())
	root.AddCommand(extraCommands()...)
	return root
}

func flagError(cmd *cobra.Command, err error) error {
	return fmt.Errorf("proxyfilter: %w; see %q", err, cmd.CommandPath()+" --help")
}

// load reads the configuration that the flags name. An error has been printed.
func (p *program) load() (loaded, error) {
	c, err := load(p.sources())
	if err != nil {
		return c, exit{exitUsage, err}
	}
	return c, nil
}

func (p *program) sources() sources {
	return sources{file: p.file, required: p.named, environ: p.environ, options: p.options}
}

// warn prints what is allowed but hardly meant.
func (p *program) warn(c loaded) {
	for _, w := range c.warnings {
		fmt.Fprintf(p.stderr, "warning: %s\n", w)
	}
}

func (p *program) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Say which program this is",
		Long:  "Prints the version, the Go release it was built with, and the platform.",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return thisBuild().print(p.stdout, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs, with the revision")
	return cmd
}

// configurationTopic is a page of the manual, made from the list of keys.
func configurationTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "configuration",
		Short: "Everything that can be set",
		Long:  configurationHelp(),
	}
}

const configurationIntro = `The configuration is one TOML file. Each key outside of [listeners.NAME] and
[policies.NAME] can also be set in the environment (PROXYFILTER_SPAMD_SLOTS=10) and
on the command line (-o spamd.slots=10). There, items of a list are separated by
commas, and "none" is the empty list. The order is: defaults, file, environment,
command line; the last one wins.

Times are written as "20s", "5m", "4h" or "30d", sizes as "256KB", "8MB" or "1GB",
where 1KB is 1024 bytes. "live" marks the keys that a reload (SIGHUP) takes over;
the others need a restart.`

const policiesIntro = `
  Any number of these. Each changes what it says of [policy], where every key but
  mixed, speed_adjust and recipient_delimiter may stand, for the mail that its three
  keys describe. All of those that are there must fit. When several policies fit,
  the one wins that has the recipient's address, then his domain, then the nearest
  parent domain; then the narrowest network of the client; then the listener; then
  the one that stands first in the file.`

func configurationHelp() string {
	var b strings.Builder
	b.WriteString(configurationIntro)
	c := defaults("postfix")
	c.Listeners, c.Policies = []listenerConfig{{Name: "NAME"}}, []namedPolicy{{Name: "NAME"}}
	section := ""
	for _, k := range c.allKeys() {
		if strings.HasPrefix(k.name, "policies.") && !k.selects() {
			continue // they are those of [policy]
		}
		if k.section() != section {
			section = k.section()
			fmt.Fprintf(&b, "\n\n[%s]", section)
			if strings.HasPrefix(section, "policies.") {
				b.WriteString(policiesIntro)
			}
		}
		live := ""
		if k.live {
			live = " (live)"
		}
		fmt.Fprintf(&b, "\n  %s = %s%s\n      %s\n      allowed: %s", k.last(), k.value, live, k.doc, k.value.allowed())
	}
	return b.String()
}

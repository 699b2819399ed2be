package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"proxyfilter/cmd/proxyfilter/takeover"
	"proxyfilter/relay"
)

const serveHelp = `Serves until SIGTERM or SIGINT. It then takes no new conversation, lets those
under way finish for at most server.drain, and ends; a second signal ends it at
once, and clients of messages under way try again.

SIGHUP reads the configuration again and takes over policy, lists, guard,
spamd, clamd, budget.wait and the policies of listeners. Other keys that have changed
are named in the log: they need a restart. A configuration with errors changes nothing.

With --takeover it takes the place of the running process without a moment in which
nobody listens: it gets the listening sockets from it, over server.takeover, and
serves; the other one takes no new conversation, lets those under way finish, and
ends. Whatever goes wrong before it serves leaves the other one as it was. Where no
process runs, it starts as without the flag. SIGUSR2 makes a running process start
its own program file again with its own arguments and --takeover.

Under systemd it is Type=notify or notify-reload, answers WatchdogSec=, and with
"systemd" in a listen key takes the sockets of a .socket unit.

The log goes to standard error. Its "postfix" format has no time stamp: the journal
and syslog add one; "json" and "console" have their own. GOMEMLIMIT follows the
limit of the cgroup, unless it is set.

It writes no core dump, unless GOTRACEBACK=crash asks for one. It needs no privilege
but the right to its addresses and directories, and warns when it runs as root.

The exit code is 0 after a stop, 1 after a second signal, 2 when the configuration
is wrong or systemd passed a socket that no listen key asks for, and 75 when an
address, the spool, the journal or the store cannot be had.`

func (p *program) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Filter mail until a signal ends it",
		Long:  serveHelp,
		Args:  cobra.NoArgs,
		Example: `  proxyfilter serve
  proxyfilter serve --takeover &
  proxyfilter serve -c test.toml -o policy.mode=observe -o log.format=console`,
		RunE: func(*cobra.Command, []string) error { return p.serve() },
	}
	cmd.Flags().BoolVar(&p.takeover, "takeover", false, "take the sockets of the running process, and its place")
	return cmd
}

func (p *program) serve() error {
	c, err := p.load()
	if err != nil {
		return err
	}
	dumpable := keepToOurselves(p.environ)
	// A log that nobody reads any more must not end the process.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR2)
	defer signal.Stop(signals)
	before, err := p.predecessor(&c.config)
	if err != nil {
		return err
	}
	d, err := p.newDaemon(c, before)
	if err != nil {
		before.Close()
		failed := exit{code: exitTemporary}
		errors.As(err, &failed)
		return exit{failed.code, fmt.Errorf("proxyfilter: %w", err)}
	}
	d.remarkPrivileges(dumpable)
	return answerNo(d.run(signals))
}

// newDaemon opens everything, or nothing and says why. Sockets that before has given
// are given back by closing it.
func (p *program) newDaemon(c loaded, before *takeover.Predecessor) (*daemon, error) {
	d := &daemon{
		config: c.config, sources: p.sources().with(c), build: thisBuild(), started: time.Now(),
		before: before, again: p.args,
	}
	open, err := openAll(&c.config, p.environ, before)
	if err != nil {
		return nil, err
	}
	d.lines = newLineQueue(p.stderr, queueLength)
	d.log = newLog(c.Log, d.lines, newPrefix(p.environ, p.stderr))
	d.server = newServer(&c.config, p.environ, d.log)
	if err := d.openFiles(&c); err != nil {
		open.close()
		d.lines.Close(time.Second)
		return nil, err
	}
	d.manager = manager{d.log}
	d.ended, d.end = context.WithCancel(context.Background())
	d.doors = newDoors(&c.config, open.doors, d.log)
	d.offer = d.newOffer(open)
	d.server.Record = d.record
	d.server.Judge = d.judge
	d.server.Own = func() relay.Own { return d.current.Load().own }
	d.suspending = d.suspensions()
	d.exceptions = newExceptionWatch(d.ended, d.store, p.clock(), d.log)
	d.install(newJudgement(&c.config, d.log))
	d.panic.log, d.health.log = d.log, d.log
	d.panic.follow(d.config.Policy.PanicFile)
	d.guard.log = d.log
	d.guard.follow(d.config.Guard)
	d.observe(open.pages)
	d.remark(c, p.environ)
	d.heap = newCollector(p.environ)
	if p.takeover && before == nil {
		d.log.Info().Str("socket", takeoverPath(&c.config, p.environ)).Msg("there is no process to take over from")
	}
	return d, nil
}

// openFiles opens what is on the disk, or nothing.
func (d *daemon) openFiles(c *loaded) (err error) {
	if err := d.server.Spool.Check(); err != nil {
		return fmt.Errorf("budget.spool_dir: %w", err)
	}
	if d.journal, err = openJournal(c, d.log); err != nil {
		return err
	}
	if d.store, err = openStore(c, d.before.Gone(), d.log); err != nil {
		d.closeJournal(time.Second)
		return err
	}
	d.server.Store = d.store
	return nil
}

// remark logs what an administrator should know at the start.
func (d *daemon) remark(c loaded, environ []string) {
	for _, w := range c.warnings {
		d.log.Warn().Str("warning", w.Error()).Msg("configuration")
	}
	limit := followMemoryLimit(os.DirFS("/"), environ)
	if limit > 0 && c.Budget.Memory > limit/2 {
		d.log.Warn().Str("budget.memory", formatSize(c.Budget.Memory)).Str("limit", formatSize(limit)).
			Msg("budget.memory is more than half of what this cgroup may use")
	}
}

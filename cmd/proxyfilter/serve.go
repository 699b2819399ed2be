package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

const serveHelp = `Serves until SIGTERM or SIGINT. It then takes no new conversation, lets those
under way finish for at most server.drain, and ends; a second signal ends it at
once, and clients of messages under way try again.

SIGHUP reads the configuration again and takes over policy, spamd, budget.wait and
the policies of listeners. Other keys that have changed are named in the log: they
need a restart. A configuration with errors changes nothing.

Under systemd it is Type=notify or notify-reload, answers WatchdogSec=, and with
"systemd" in a listen key takes the sockets of a .socket unit.

The log goes to standard error. Its "postfix" format has no time stamp: the journal
and syslog add one; "json" and "console" have their own. GOMEMLIMIT follows the
limit of the cgroup, unless it is set.

The exit code is 0 after a stop, 1 after a second signal, 2 when the configuration
is wrong or systemd passed a socket that no listen key asks for, and 75 when an
address or the spool cannot be had.`

func (p *program) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Filter mail until a signal ends it",
		Long:  serveHelp,
		Args:  cobra.NoArgs,
		Example: `  proxyfilter serve
  proxyfilter serve -c test.toml -o policy.mode=observe -o log.format=console`,
		RunE: func(*cobra.Command, []string) error { return p.serve() },
	}
}

func (p *program) serve() error {
	c, err := p.load()
	if err != nil {
		return err
	}
	// A log that nobody reads any more must not end the process.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)
	d, err := p.newDaemon(c)
	if err != nil {
		failed := exit{code: exitTemporary}
		errors.As(err, &failed)
		return exit{failed.code, fmt.Errorf("proxyfilter: %w", err)}
	}
	return answerNo(d.run(signals))
}

// newDaemon opens everything, or nothing and says why.
func (p *program) newDaemon(c loaded) (*daemon, error) {
	d := &daemon{config: c.config, sources: p.sources().with(c), build: thisBuild(), started: time.Now(), ballast: newBallast(p.environ)}
	passed, err := passedSockets()
	if err != nil {
		return nil, err
	}
	open, err := openDoors(&c.config, passed)
	if err != nil {
		return nil, err
	}
	pages, err := openPages(&c.config)
	if err != nil {
		closeAll(open)
		return nil, err
	}
	d.lines = newLineQueue(p.stderr, queueLength)
	d.log = newLog(c.Log, d.lines, newPrefix(p.environ, p.stderr))
	d.server = newServer(&c.config, p.environ, d.log)
	if err := d.server.Spool.Check(); err != nil {
		closeAll(open)
		pages.close()
		d.lines.Close(time.Second)
		return nil, fmt.Errorf("budget.spool_dir: %w", err)
	}
	d.manager = manager{d.log}
	d.ended, d.end = context.WithCancel(context.Background())
	d.doors = newDoors(&c.config, open, d.log)
	d.server.Record = d.record
	d.server.Judge = d.judge
	d.current.Store(newJudgement(&c.config, nil, d.log))
	d.observe(pages)
	d.remark(c, p.environ)
	return d, nil
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

// pages are the listeners for HTTP; nil where there is none.
type pages struct{ status, metrics net.Listener }

func openPages(c *config) (found pages, err error) {
	if c.Status.Listen != (address{}) {
		if found.status, err = listen(c.Status.Listen); err != nil {
			return pages{}, fmt.Errorf("status.listen: %w; choose another address, or \"\" for none", err)
		}
	}
	if c.Metrics.Listen != (address{}) {
		if found.metrics, err = listen(c.Metrics.Listen); err != nil {
			found.close()
			return pages{}, fmt.Errorf("metrics.listen: %w; choose another address, or \"\" for none", err)
		}
	}
	return found, nil
}

func (p pages) close() {
	for _, ln := range []net.Listener{p.status, p.metrics} {
		if ln != nil {
			ln.Close()
		}
	}
}

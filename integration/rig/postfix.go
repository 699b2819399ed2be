package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Domain is what the private Postfix takes mail for. Every address in it exists.
const Domain = "example.net"

// PostfixOptions are the ways in which rigs differ.
type PostfixOptions struct {
	XClient bool // listener 2 is the one of master-xclient.cf

	// Signer is the milter of signing_milters, such as inet:127.0.0.1:8891.
	Signer string

	// GlobalMilter sets smtpd_milters to the signer, which is the mistake that
	// the examples guard against.
	GlobalMilter bool

	// Impersonate allows XCLIENT at the front listeners, so that a test can play
	// any client, which no real listener for strangers must allow to anybody.
	Impersonate bool

	// Main are further lines of main.cf, about parameters that mainPart and the
	// examples leave alone: Postfix warns about one that is set twice.
	Main []string

	// Edit changes the rendered master.cf, for tests that need a listener to be
	// wrong on purpose.
	Edit func(master string) string
}

// Postfix is a private instance of the installed Postfix: configuration, queue,
// data, log and mailboxes are in one directory, and it listens on loopback only.
// It runs from the files in examples/postfix, with other addresses.
type Postfix struct {
	*Daemon

	Front       string // smtp, with speed_adjust
	Lockstep    string // smtp, without
	Reinject    string // the listener behind the filter
	Submission  string // not filtered; TLS and a login are wanted
	Submissions string // filtered; TLS from the first byte
	ReinjectOwn string // the listener behind the filter for submitted mail

	root, dir string
	layout    layout
	opts      PostfixOptions
	without   []string // the services of the examples that it lacks
	users     *users
	log       *Log
}

// The services of examples/postfix/master.cf on either side of the filter.
func beforeFilter() []string { return []string{"smtp", "submission", "submissions"} }
func afterFilter() []string  { return []string{exampleReinject, exampleReinjectOwn} }

// startPostfix writes the configuration, under the given name, and starts it.
func (s *Site) startPostfix(ctx context.Context, name string, opts PostfixOptions, without []string) (*Postfix, error) {
	log := s.log(name)
	p := &Postfix{root: s.Root, dir: filepath.Join(s.Dir, name), layout: s.layout, opts: opts, without: without, log: log}
	l := s.layout
	p.Front, p.Lockstep, p.Reinject = l.front, l.lockstep, l.reinject
	p.Submission, p.Submissions, p.ReinjectOwn = l.submission, l.submissions, l.reinjectOwn
	if err := p.write(); err != nil {
		p.users.close()
		return nil, fmt.Errorf("configure postfix: %w", err)
	}
	if out, err := p.Check(); err != nil || out != "" {
		p.users.close()
		return nil, fmt.Errorf("postfix check says (%v): %s", err, out)
	}
	if err := p.Start(ctx); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// Start starts it again after it has ended.
func (p *Postfix) Start(ctx context.Context) error {
	mark := p.log.Mark()
	daemon, err := start(p.master(), p.log)
	if err != nil {
		return err
	}
	p.Daemon = daemon
	_, err = p.log.Wait(ctx, mark, `daemon started`)
	return err
}

// command is a Postfix program for this instance.
func (p *Postfix) command(name string, args ...string) *exec.Cmd {
	return commandFor(p.config(), name, args...)
}

// master is master(8) itself, in the foreground. `postfix start-fg` would put it
// into a session of its own, where no signal to our process group finds it, and
// would check everything a second time.
func (p *Postfix) master() *exec.Cmd {
	daemons, err := commandFor(p.config(), "postconf", "-h", "daemon_directory").Output()
	if err != nil {
		daemons = []byte("/usr/lib/postfix/sbin")
	}
	return p.command(filepath.Join(strings.TrimSpace(string(daemons)), "master"), "-d", "-s")
}

func commandFor(config, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(Program(name), args...)
	cmd.Env = append(os.Environ(), "MAIL_CONFIG="+config)
	return cmd
}

func (p *Postfix) config() string  { return filepath.Join(p.dir, "etc") }
func (p *Postfix) mailbox() string { return filepath.Join(p.dir, "mail", "inbox") }

// Stop ends Postfix and what belongs to it.
func (p *Postfix) Stop() error {
	if p == nil {
		return nil
	}
	p.users.close()
	return p.Daemon.Stop()
}

// CloseReinject takes the after-filter listeners away, as if that part of
// Postfix were down, while the front listeners go on.
func (p *Postfix) CloseReinject(ctx context.Context) error {
	if err := p.reload(ctx, afterFilter()...); err != nil {
		return err
	}
	return WaitClosed(ctx, p.Reinject)
}

// OpenReinject brings them back.
func (p *Postfix) OpenReinject(ctx context.Context) error {
	if err := p.reload(ctx); err != nil {
		return err
	}
	return WaitListening(ctx, p.Reinject)
}

func (p *Postfix) reload(ctx context.Context, without ...string) error {
	if err := p.writeMaster(without...); err != nil {
		return fmt.Errorf("reload postfix: %w", err)
	}
	mark := p.Log.Mark()
	if out, err := p.command("postfix", "reload").CombinedOutput(); err != nil {
		return fmt.Errorf("reload postfix: %w: %s", err, out)
	}
	_, err := p.Log.Wait(ctx, mark, `reload -- version`)
	return err
}

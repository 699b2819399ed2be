// Package rig sets up a mail site in a temporary directory: a private Postfix, a
// private spamd, OpenDKIM, and the program under test between them. The demo
// and the integration tests stand on it.
//
// Everything runs from the files in examples/, with other addresses and paths,
// so that what administrators copy is what was tested. Every daemon is a child
// in a process group of its own, writes its log to a pipe that the rig reads, and
// listens on a free loopback port. The installed mail system, its queue and its
// ports are never touched. A bare container is enough: no init, no syslog.
//
// The package does not import what it tests; it builds the program and runs it.
package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Options say what a site consists of. The zero value is Postfix, spamd and
// proxyfilter as in the examples.
type Options struct {
	Binary   string // the program; see Build
	Postfix  PostfixOptions
	Spamd    SpamdOptions
	Filter   FilterOptions
	OpenDKIM bool          // sign submitted mail
	Clamd    *ClamdOptions // nil: there is none

	// Apart makes the Postfix behind the filter an instance of its own, so that
	// either can be killed without the other.
	Apart bool

	// NextHop and SpamdAddress are stand-ins: where one is set, the real program
	// is not started. Without a Postfix there are no front listeners either.
	NextHop      string
	SpamdAddress string

	// Tap is given each line of each daemon's log, with the daemon's name. It
	// is called from several goroutines.
	Tap func(daemon, line string)
}

// Site is a running mail site. Its directory is gone after Close.
type Site struct {
	Dir  string
	Root string // of the project

	Postfix *Postfix // before the filter, and behind it unless Options.Apart
	After   *Postfix // behind the filter
	Spamd   *Spamd
	Clamd   *Clamd
	Filter  *Filter
	Signer  *OpenDKIM

	layout layout
	own    string // directory of what the filter writes
	spamd  string // address
	opts   Options
}

// Start brings a site up. What was started is stopped again when it fails.
func Start(ctx context.Context, opts Options) (*Site, error) {
	s := &Site{opts: opts}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Site) start(ctx context.Context) (err error) {
	if s.Root, err = Root(); err != nil {
		return err
	}
	if s.Dir, err = os.MkdirTemp("", "proxyfilter-rig-"); err != nil {
		return err
	}
	// The daemons' own users must get through.
	if err = os.Chmod(s.Dir, 0o755); err != nil {
		return err
	}
	l := &s.layout
	if err = freeAddresses(&l.front, &l.lockstep, &l.reinject, &l.submission, &l.submissions,
		&l.reinjectOwn, &l.filter, &l.filterSubmission, &s.spamd); err != nil {
		return err
	}
	if s.opts.NextHop != "" {
		l.reinject = s.opts.NextHop
	}
	if s.opts.SpamdAddress != "" {
		s.spamd = s.opts.SpamdAddress
		return s.startMail(ctx)
	}
	// Side by side, because spamd takes seconds to read its rules.
	spamd := make(chan error, 1)
	go func() {
		var err error
		s.Spamd, err = s.startSpamd(ctx, s.opts.Spamd, s.log("spamd"))
		spamd <- err
	}()
	return errors.Join(s.startMail(ctx), <-spamd)
}

// startMail starts what mail goes through.
func (s *Site) startMail(ctx context.Context) (err error) {
	if s.opts.OpenDKIM {
		if s.Signer, err = s.startOpenDKIM(ctx, s.log("opendkim")); err != nil {
			return err
		}
		s.opts.Postfix.Signer = s.Signer.Milter()
	}
	if s.opts.NextHop == "" {
		if err = s.startPostfixes(ctx); err != nil {
			return err
		}
	}
	if s.opts.Clamd != nil {
		dir := filepath.Join(s.Dir, "clamd")
		if s.Clamd, err = StartClamd(ctx, dir, *s.opts.Clamd, s.log("clamd")); err != nil {
			return err
		}
	}
	s.Filter, err = s.startFilter(ctx, s.opts.Filter, s.log("proxyfilter"))
	return err
}

// startPostfixes starts the one that is before and behind the filter, or the two.
func (s *Site) startPostfixes(ctx context.Context) (err error) {
	if !s.opts.Apart {
		s.Postfix, err = s.startPostfix(ctx, "postfix", s.opts.Postfix, nil)
		s.After = s.Postfix
		return err
	}
	if s.After, err = s.startPostfix(ctx, "postfix-after", s.opts.Postfix, beforeFilter()); err != nil {
		return err
	}
	s.Postfix, err = s.startPostfix(ctx, "postfix", s.opts.Postfix, afterFilter())
	return err
}

func (s *Site) log(daemon string) *Log {
	if s.opts.Tap == nil {
		return NewLog(nil)
	}
	return NewLog(func(line string) { s.opts.Tap(daemon, line) })
}

// Close stops everything and removes the directory.
func (s *Site) Close() error {
	err := errors.Join(s.Filter.Stop(), s.Postfix.Stop(), s.After.Stop(), s.Signer.Stop(), s.Spamd.Stop(), s.Clamd.Stop())
	if s.Dir != "" {
		err = errors.Join(err, os.RemoveAll(s.Dir))
	}
	return err
}

// Build compiles the program into dir. extra are further flags of go build,
// such as -race.
func Build(ctx context.Context, dir string, extra ...string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "proxyfilter")
	// No stamp of the commit: git refuses to look at a checkout of somebody else.
	args := append([]string{"build", "-buildvcs=false", "-o", binary}, extra...)
	cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/proxyfilter")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/proxyfilter: %w\n%s", err, out)
	}
	return binary, nil
}

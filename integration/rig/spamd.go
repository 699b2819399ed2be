package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Spamd is a private spamd with the options and the local.cf of
// examples/spamassassin, without network tests.
type Spamd struct {
	*Daemon
	Address string

	cmd func() *exec.Cmd
	log *Log
}

// SpamdOptions are the ways in which spamds differ.
type SpamdOptions struct {
	Rules    string // more lines for local.cf
	Children int    // 0: as the example says
}

// startSpamd runs it as the user of the example, or as nobody where Debian's
// package is older than that user.
func (s *Site) startSpamd(ctx context.Context, opts SpamdOptions, log *Log) (*Spamd, error) {
	dir := filepath.Join(s.Dir, "spamd")
	owner, err := spamdUser()
	if err != nil {
		return nil, err
	}
	if err := s.writeSpamd(dir, owner, opts); err != nil {
		return nil, fmt.Errorf("configure spamd: %w", err)
	}
	args, err := s.spamdArguments(dir, owner, opts)
	if err != nil {
		return nil, err
	}
	d := &Spamd{Address: s.spamd, log: log}
	d.cmd = func() *exec.Cmd {
		cmd := exec.Command(Program("spamd"), args...)
		cmd.Env = append(os.Environ(), "LC_ALL=C", "LANGUAGE=")
		return cmd
	}
	return d, d.Start(ctx)
}

// Start starts it again after Stop.
func (d *Spamd) Start(ctx context.Context) error {
	mark := d.log.Mark()
	daemon, err := start(d.cmd(), d.log)
	if err != nil {
		return err
	}
	d.Daemon = daemon
	if _, err := d.log.Wait(ctx, mark, `server successfully spawned child`); err != nil {
		return errors.Join(err, d.Stop())
	}
	return nil
}

// Stop ends it and its children.
func (d *Spamd) Stop() error {
	if d == nil {
		return nil
	}
	return d.Daemon.Stop()
}

func spamdUser() (*user.User, error) {
	if os.Geteuid() != 0 {
		return user.Current()
	}
	if u, err := user.Lookup("debian-spamd"); err == nil {
		return u, nil
	}
	return user.Lookup("nobody")
}

func (s *Site) writeSpamd(dir string, owner *user.User, opts SpamdOptions) error {
	example, err := os.ReadFile(filepath.Join(s.Root, "examples/spamassassin/local.cf"))
	if err != nil {
		return err
	}
	for _, sub := range []string{"etc", "home", "home/bayes"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(owner.Gid)
	for _, sub := range []string{"home", "home/bayes"} {
		if err := os.Chown(filepath.Join(dir, sub), uid, gid); err != nil {
			return err
		}
	}
	local := strings.ReplaceAll(string(example), spamdHome, filepath.Join(dir, "home"))
	// The distribution's .pre files load the plugins that its rules need.
	pre, err := filepath.Glob("/etc/spamassassin/*.pre")
	if err != nil {
		return err
	}
	for _, file := range pre {
		if err := os.Symlink(file, filepath.Join(dir, "etc", filepath.Base(file))); err != nil && !os.IsExist(err) {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "etc", "local.cf"), []byte(local+"\n"+opts.Rules+"\n"), 0o644)
}

// spamdHome is where the examples keep Bayes and helpers.
const spamdHome = "/var/lib/spamassassin"

// exampleListen is the address in the examples, which a rig replaces.
const exampleListen = "127.0.0.1:783"

var (
	spamdOptions = regexp.MustCompile(`(?m)^OPTIONS="(.*)"$`)
	maxChildren  = regexp.MustCompile(`--max-children=\d+`)
)

// spamdArguments are the example's, with this rig's places.
func (s *Site) spamdArguments(dir string, owner *user.User, opts SpamdOptions) ([]string, error) {
	example, err := os.ReadFile(filepath.Join(s.Root, "examples/spamassassin/spamd"))
	if err != nil {
		return nil, err
	}
	match := spamdOptions.FindSubmatch(example)
	if match == nil {
		return nil, fmt.Errorf("examples/spamassassin/spamd: no OPTIONS")
	}
	line := strings.NewReplacer(exampleListen, s.spamd, spamdHome, filepath.Join(dir, "home"),
		"--username=debian-spamd", "--username="+owner.Username).Replace(string(match[1]))
	if opts.Children > 0 {
		line = maxChildren.ReplaceAllString(line, "--max-children="+strconv.Itoa(opts.Children))
	}
	return append(strings.Fields(line), "--local", "--syslog=stderr",
		"--siteconfigpath="+filepath.Join(dir, "etc"), "--pidfile="+filepath.Join(dir, "spamd.pid")), nil
}

package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// FilterOptions are the ways in which filters differ.
type FilterOptions struct {
	Set  []string // further -o section.key=value
	Env  []string // further NAME=value
	User string   // whom it runs as; empty: as this program does

	Resolver *Resolver // its name server, which has been started; nil: this host's

	// Sections is text at the end of the configuration file, such as [policies.NAME]:
	// no -o can say those.
	Sections string
}

// Filter is the program under test. Its configuration is
// examples/proxyfilter.toml with mode = "enforce", the submission door open, and
// this rig's addresses.
type Filter struct {
	*Daemon
	Address string // where Postfix connects
	Status  string // the HTTP address

	cmd    func() *exec.Cmd
	log    *Log
	newLog func() *Log
}

func (s *Site) startFilter(ctx context.Context, opts FilterOptions, log *Log) (*Filter, error) {
	f := &Filter{Address: s.layout.filter, log: log, newLog: func() *Log { return s.log("proxyfilter") }}
	if err := freeAddresses(&f.Status); err != nil {
		return nil, err
	}
	file := filepath.Join(s.Dir, "proxyfilter.toml")
	if err := s.writeFilter(file); err != nil {
		return nil, fmt.Errorf("configure proxyfilter: %w", err)
	}
	as, err := s.home(opts.User)
	if err != nil {
		return nil, fmt.Errorf("configure proxyfilter: %w", err)
	}
	args := []string{"serve", "-c", file}
	settings := append([]string{"log.format=postfix", "status.listen=" + f.Status, "journal.dir=" + s.journal(), "store.path=" + filepath.Join(s.own, "state.db")}, opts.Set...)
	if s.Clamd != nil {
		settings = append(settings, "clamd.server=unix:"+s.Clamd.Socket)
	}
	if s.opts.Postfix.XClient {
		settings = append(settings, "relay.client=xclient")
	}
	for _, set := range settings {
		args = append(args, "-o", set)
	}
	command := append([]string{s.opts.Binary}, args...)
	if opts.Resolver != nil {
		if command, err = opts.Resolver.under(s.Dir, command); err != nil {
			return nil, fmt.Errorf("configure proxyfilter: %w", err)
		}
	}
	f.cmd = func() *exec.Cmd {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Env = append(append(os.Environ(), "TMPDIR="+s.own, "RUNTIME_DIRECTORY="+s.own), opts.Env...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
		return cmd
	}
	return f, f.Start(ctx)
}

// home makes the directory for everything that the filter writes. The credential is
// nil when it runs as this program does.
func (s *Site) home(name string) (*syscall.Credential, error) {
	s.own = filepath.Join(s.Dir, "filter")
	if err := os.MkdirAll(s.own, 0o700); err != nil || name == "" {
		return nil, err
	}
	owner, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.ParseUint(owner.Uid, 10, 32)
	gid, _ := strconv.ParseUint(owner.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(s.own, int(uid), int(gid))
}

// journal is where the filter keeps its records.
func (s *Site) journal() string { return filepath.Join(s.own, "journal") }

// Run gives the output of another command of the program, such as explain, under
// this site's configuration.
func (s *Site) Run(ctx context.Context, args ...string) (string, error) {
	args = append(args, "-c", filepath.Join(s.Dir, "proxyfilter.toml"), "-o", "journal.dir="+s.journal())
	out, err := exec.CommandContext(ctx, s.opts.Binary, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("proxyfilter %s: %w", strings.Join(args, " "), err)
	}
	return string(out), err
}

// Start starts it again after it has ended.
func (f *Filter) Start(ctx context.Context) (err error) {
	if f.Daemon, err = start(f.cmd(), f.log); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-f.Done:
			cancel(fmt.Errorf("proxyfilter has ended; its last lines:\n%s", f.log.Tail(20)))
		case <-ctx.Done():
		}
	}()
	if err := WaitListening(ctx, f.Address); err != nil {
		return fmt.Errorf("start proxyfilter: %w (%w)", err, context.Cause(ctx))
	}
	return nil
}

// TakeOver starts a process that takes the place of the running one, with a log of
// its own, and returns that one, which ends when its conversations have.
func (f *Filter) TakeOver(ctx context.Context) (old *Daemon, err error) {
	log, cmd := f.newLog(), f.cmd()
	cmd.Args = append(cmd.Args, "--takeover")
	next, err := start(cmd, log)
	if err != nil {
		return nil, err
	}
	if _, err := log.Wait(ctx, 0, `\bserving: `); err != nil {
		return nil, errors.Join(fmt.Errorf("take over: %w", err), next.Stop())
	}
	old, f.Daemon, f.log = f.Daemon, next, log
	return old, nil
}

// Stop ends it, as systemd would.
func (f *Filter) Stop() error {
	if f == nil {
		return nil
	}
	return f.Daemon.Stop()
}

func (s *Site) writeFilter(file string) error {
	example, err := os.ReadFile(filepath.Join(s.Root, "examples/proxyfilter.toml"))
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(s.renderFilter(string(example))+s.opts.Filter.Sections), 0o644)
}

// renderFilter takes the comment signs from every default, so that the rig runs
// with the addresses that the example shows, and maps these.
func (s *Site) renderFilter(example string) string {
	text := strings.Replace(Uncomment(example), `mode = "observe"`, `mode = "enforce"`, 1)
	text = strings.ReplaceAll(text, "127.0.0.1:783", s.spamd)
	return s.layout.addresses().Replace(text)
}

// Uncomment turns the commented defaults of examples/proxyfilter.toml into
// settings.
func Uncomment(example string) string {
	var b strings.Builder
	for line := range strings.Lines(example) {
		if len(line) > 1 && line[0] == '#' && line[1] != ' ' && line[1] != '\n' {
			line = line[1:]
		}
		b.WriteString(line)
	}
	return b.String()
}

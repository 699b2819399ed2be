package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// The two tables.
const (
	scannerSpamd = "spamd"
	scannerNone  = "none"
)

// options are the flags that both measurements share.
type options struct {
	binary      string
	size        int
	slots       int
	connections int
	json        bool
	check       bool
	keep        bool
	extra       list
}

// list is a flag that can be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(v string) error { *l = append(*l, v); return nil }

func (o *options) bind(flags *flag.FlagSet) {
	flags.StringVar(&o.binary, "program", "", "measure this proxyfilter, instead of building the one of this module")
	flags.IntVar(&o.size, "size", 4096, "bytes of a message")
	flags.IntVar(&o.connections, "connections", 50, "relay.connections")
	flags.BoolVar(&o.json, "json", false, "print JSON instead of a table")
	flags.BoolVar(&o.check, "check", false, "exit with 1 when a goal is missed")
	flags.BoolVar(&o.keep, "keep", false, "measure nothing: start everything, print addresses and process ids, and wait for Ctrl-C")
	flags.Var(&o.extra, "o", "a further option of proxyfilter, as section.key=value")
}

// lab is everything that stands ready around proxyfilter.
type lab struct {
	options
	dir   string
	errs  io.Writer
	sink  *process
	spamd *process
	runs  uint32
}

// newLab builds the program and starts the sink and the stand-in for spamd.
func newLab(ctx context.Context, o options, errs io.Writer, spamd ...string) (*lab, error) {
	dir, err := os.MkdirTemp("", "proxyfilter-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{options: o, dir: dir, errs: errs}
	if l.binary == "" {
		if l.binary, err = build(ctx, dir, errs); err != nil {
			l.close()
			return nil, err
		}
	}
	if l.sink, err = start(ctx, errs, "sink"); err == nil {
		l.spamd, err = start(ctx, errs, append([]string{"spamd"}, spamd...)...)
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// close leaves nothing behind.
func (l *lab) close() {
	for _, h := range []*process{l.sink, l.spamd} {
		if h != nil {
			h.stop()
		}
	}
	_ = os.RemoveAll(l.dir)
}

// program starts proxyfilter with one of the two scanners.
func (l *lab) program(ctx context.Context, scanner string) (*program, error) {
	s := settings{
		binary: l.binary, dir: l.dir, nextHop: l.sink.Addr,
		slots: l.slots, connections: l.connections, options: l.extra,
	}
	if scanner == scannerSpamd {
		s.spamd = l.spamd.Addr
	}
	return launch(ctx, s)
}

// direct runs the generator straight to the sink.
func (l *lab) direct(ctx context.Context, w load) (sample, error) {
	w.addr = l.sink.Addr
	return l.counted(ctx, w)
}

// through runs it against proxyfilter, and takes that process's figures.
func (l *lab) through(ctx context.Context, p *program, scanner string, w load) (sample, error) {
	w.addr = p.addr
	before, err := cpuTime(p.cmd.Process.Pid)
	if err != nil {
		return sample{}, fmt.Errorf("proxyfilter: %w", err)
	}
	var ignored tally
	if err := l.spamd.ask("", &ignored); err != nil {
		return sample{}, err
	}
	watch, stop := context.WithCancel(ctx)
	peak := watchPSS(watch, p.cmd.Process.Pid)
	s, err := l.counted(ctx, w)
	stop()
	s.pss = <-peak
	if err != nil {
		return s, fmt.Errorf("%w\n%s", err, p.tail())
	}
	after, err := cpuTime(p.cmd.Process.Pid)
	if err != nil {
		return s, fmt.Errorf("proxyfilter: %w", err)
	}
	s.cpu = float64(after-before) / float64(time.Millisecond) / float64(w.messages)
	if scanner == scannerNone {
		return s, nil
	}
	var scans tally
	if err := l.spamd.ask("", &scans); err != nil {
		return s, err
	}
	if scans.Scans < int64(w.messages) {
		return s, fmt.Errorf("spamd was asked %d times for %d messages", scans.Scans, w.messages)
	}
	return s, nil
}

// counted is one run, and an error if it does not count: the sink must hold
// every message once and unharmed, and nothing else.
func (l *lab) counted(ctx context.Context, w load) (sample, error) {
	l.runs++
	w.run = l.runs
	var b book
	if err := l.sink.ask(fmt.Sprintf("begin %x %d", w.run, w.messages), &b); err != nil {
		return sample{}, err
	}
	r, err := generate(ctx, l.errs, w)
	if err != nil {
		return sample{}, err
	}
	if err := l.sink.ask("read", &b); err != nil {
		return sample{}, err
	}
	whole := book{Held: w.messages, Connections: b.Connections}
	if b != whole || r.Accepted != w.messages {
		return sample{}, fmt.Errorf("sent %d, outcomes %v, sink has %+v", w.messages, r.Outcomes, b)
	}
	return sample{result: r}, nil
}

// stay prints what a person needs to try things out.
func (l *lab) stay(ctx context.Context, out io.Writer) error {
	p, err := l.program(ctx, scannerSpamd)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "proxyfilter  %s  pid %d  log %s  metrics http://%s/metrics\nsink         %s  pid %d\nspamd        %s  pid %d\n\n"+
		"%s load -addr %s -sessions 50 -messages 20000\nperf record -g -p %d\n\nCtrl-C ends it.\n",
		p.addr, p.cmd.Process.Pid, p.log, p.status, l.sink.Addr, l.sink.pid, l.spamd.Addr, l.spamd.pid,
		self, p.addr, p.cmd.Process.Pid)
	<-ctx.Done()
	return errors.Join(p.stop())
}

package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// held is what became of many conversations that waited at once.
type held struct {
	Conversations int
	Answered      int
	Accepted      int
	Outcomes      map[string]int
	Slowest       float64 // seconds, from the connect to the reply
	Before, PSS   float64 // MiB of proxyfilter: idle, and at its peak
	CPU           float64 // milliseconds a message
	Scans, AtOnce int64   // what spamd saw
	Err           string  `json:",omitempty"`
}

// patience is Postfix's smtpd_proxy_timeout: an answer after that is none.
const patience = 100 * time.Second

// runHold lets conversations wait, each with a message in hand, for few slots
// of a slow spamd. All are there before the first final dot is sent.
func runHold(ctx context.Context, args []string, con console) error {
	flags := flag.NewFlagSet("hold", flag.ContinueOnError)
	flags.SetOutput(con.err)
	var o options
	o.bind(flags)
	flags.IntVar(&o.slots, "slots", 4, "spamd.slots, and spamd's children")
	delay := flags.Duration("delay", 100*time.Millisecond, "how long a scan takes")
	counts := flags.String("conversations", "1000,2000", "conversations at once; a process of proxyfilter each")
	if err := flags.Parse(args); err != nil {
		return err
	}
	sizes, err := numbers(*counts)
	if err != nil {
		return err
	}
	l, err := newLab(ctx, o, con.err, "-delay", delay.String(), "-children", fmt.Sprint(o.slots))
	if err != nil {
		return err
	}
	defer l.close()
	if o.keep {
		return l.stay(ctx, con.out)
	}
	return l.holdAll(ctx, con, sizes)
}

// holdAll makes the rounds, prints them and says what missed its goal.
func (l *lab) holdAll(ctx context.Context, con console, sizes []int) error {
	var list []held
	for _, n := range sizes {
		h, err := l.hold(ctx, n)
		if err != nil {
			h.Err = err.Error()
		}
		list = append(list, h)
	}
	if err := l.printHeld(con.out, list); err != nil {
		return err
	}
	var faults []string
	for _, h := range list {
		if l.check || h.Err != "" {
			faults = append(faults, h.misses()...)
		}
	}
	return missed(faults)
}

// hold is one round in a fresh process.
func (l *lab) hold(ctx context.Context, n int) (held, error) {
	h := held{Conversations: n}
	p, err := l.program(ctx, scannerSpamd)
	if err != nil {
		return h, err
	}
	pid := p.cmd.Process.Pid
	h.Before = pss(pid)
	var scans tally
	if err := l.spamd.ask("", &scans); err != nil {
		return h, err
	}
	watch, stop := context.WithCancel(ctx)
	peak := watchPSS(watch, pid)
	err = l.crowd(ctx, &h, p.addr)
	stop()
	h.PSS = <-peak
	if used, err := cpuTime(pid); err == nil {
		h.CPU = float64(used) / float64(time.Millisecond) / float64(n)
	}
	if err := l.spamd.ask("", &scans); err != nil {
		return h, err
	}
	h.Scans, h.AtOnce = scans.Scans, scans.Most
	if stopped := p.stop(); err == nil {
		err = stopped
	}
	return h, err
}

// crowd sends the messages and compares what was promised with what arrived.
func (l *lab) crowd(ctx context.Context, h *held, addr string) error {
	l.runs++
	w := load{addr: addr, run: l.runs, sessions: h.Conversations, messages: h.Conversations, size: l.size, together: true, timeout: patience}
	var b book
	if err := l.sink.ask(fmt.Sprintf("begin %x %d", w.run, w.messages), &b); err != nil {
		return err
	}
	r, err := generate(ctx, l.errs, w)
	if err != nil {
		return err
	}
	h.Answered, h.Accepted, h.Outcomes, h.Slowest = r.Answered, r.Accepted, r.Outcomes, r.Max/1000
	if err := l.sink.ask("read", &b); err != nil {
		return err
	}
	if whole := (book{Held: r.Accepted, Connections: b.Connections}); b != whole {
		return fmt.Errorf("%d were accepted, sink has %+v", r.Accepted, b)
	}
	return nil
}

// misses lists the goals not reached.
func (h held) misses() []string {
	var list []string
	miss := func(format string, args ...any) {
		list = append(list, fmt.Sprintf("%d conversations: "+format, append([]any{h.Conversations}, args...)...))
	}
	if h.Err != "" {
		miss("%s", h.Err)
	}
	if h.Answered < h.Conversations {
		miss("%d answered", h.Answered)
	}
	if h.Conversations <= goalWaiting && h.PSS > goalPSS {
		miss("PSS %.1f MiB, goal %.0f", h.PSS, goalPSS)
	}
	return list
}

func (l *lab) printHeld(out io.Writer, list []held) error {
	if l.json {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(list)
	}
	fmt.Fprintf(out, "%d-byte messages, all in hand before the first final dot; %d slots of a slow spamd\n\n", l.size, l.slots)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "conversations\tanswered\taccepted\toutcomes\tslowest s\tPSS idle\tPSS peak MiB\tgoal\tcpu ms/msg\tscans\tat once\t\t")
	for _, h := range list {
		goal, verdict := "", "ok"
		if h.Conversations <= goalWaiting {
			goal = fmt.Sprintf("≤%.0f", goalPSS)
		}
		if len(h.misses()) > 0 {
			verdict = "MISSED"
		}
		fmt.Fprintf(w, "%d\t%d\t%d\t%v\t%.1f\t%.1f\t%.1f\t%s\t%.2f\t%d\t%d\t%s\t\n", h.Conversations, h.Answered, h.Accepted,
			h.Outcomes, h.Slowest, h.Before, h.PSS, goal, h.CPU, h.Scans, h.AtOnce, verdict)
		if h.Err != "" {
			fmt.Fprintf(w, "\t%s\n", h.Err)
		}
	}
	return w.Flush()
}

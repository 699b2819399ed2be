package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// plan is what `bench run` measures.
type plan struct {
	sessions []int
	messages int
	pairs    int
}

// runRun measures both tables.
func runRun(ctx context.Context, args []string, con console) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.SetOutput(con.err)
	var o options
	var p plan
	o.bind(flags)
	flags.IntVar(&o.slots, "slots", 64, "spamd.slots")
	flags.IntVar(&p.messages, "messages", 4000, "messages of a run; a quarter of it at one session")
	flags.IntVar(&p.pairs, "pairs", 7, "pairs of runs at each number of sessions, after one to warm up")
	scanners := flags.String("scanners", scannerSpamd+","+scannerNone, "which tables")
	sessions := flags.String("sessions", "1,10,50,200", "conversations at once")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var err error
	if p.sessions, err = numbers(*sessions); err != nil {
		return err
	}
	l, err := newLab(ctx, o, con.err)
	if err != nil {
		return err
	}
	defer l.close()
	if o.keep {
		return l.stay(ctx, con.out)
	}
	return l.runAll(ctx, con, p, strings.Split(*scanners, ","))
}

// runAll makes the tables, prints them and says what missed its goal.
func (l *lab) runAll(ctx context.Context, con console, p plan, scanners []string) error {
	began, busy := time.Now(), loadAverage()
	var rows []row
	var faults []string
	for _, scanner := range scanners {
		some, err := l.table(ctx, scanner, p)
		if err != nil {
			faults = append(faults, fmt.Sprintf("with scanner %s: %v", scanner, err))
		}
		rows = append(rows, some...)
	}
	if err := l.print(con, rows, p, fmt.Sprintf("took %.0f s; load average %s before, %s after", time.Since(began).Seconds(), busy, loadAverage())); err != nil {
		return err
	}
	return l.judge(rows, faults)
}

// print writes the table or the JSON.
func (l *lab) print(con console, rows []row, p plan, circumstances string) error {
	if l.json {
		out := json.NewEncoder(con.out)
		out.SetIndent("", "  ")
		return out.Encode(rows)
	}
	fmt.Fprintf(con.out, "%d-byte messages, one per connection, with XFORWARD; median of %d alternating pairs of %d messages; %d slots, relay.connections %d\n"+
		"%s\n\n",
		l.size, p.pairs, p.messages, l.slots, l.connections, circumstances)
	printRows(con.out, rows)
	return nil
}

// judge turns rows that do not count into an error always, and missed goals
// only where that is asked for.
func (l *lab) judge(rows []row, faults []string) error {
	for _, r := range rows {
		if l.check || r.Err != "" {
			for _, m := range r.misses() {
				faults = append(faults, fmt.Sprintf("%s, %d sessions: %s", r.Scanner, r.Sessions, m))
			}
		}
	}
	return missed(faults)
}

// table measures one scanner at every number of sessions, in one process of
// proxyfilter.
func (l *lab) table(ctx context.Context, scanner string, plan plan) ([]row, error) {
	p, err := l.program(ctx, scanner)
	if err != nil {
		return nil, err
	}
	var rows []row
	messages := 0
	for _, sessions := range plan.sessions {
		w := load{sessions: sessions, messages: plan.messages, size: l.size, timeout: time.Minute}
		if sessions == 1 {
			w.messages = max(1, w.messages/4)
		}
		pairs, err := l.pairs(ctx, p, scanner, w, plan.pairs)
		r := rowOf(scanner, sessions, pairs)
		if err != nil {
			r.Err = err.Error()
		}
		rows = append(rows, r)
		messages += len(pairs) * w.messages
		l.progress(r)
	}
	if err := p.observed(ctx, messages); err != nil {
		_ = p.stop()
		return rows, err
	}
	return rows, p.stop()
}

// progress tells a waiting person one line a row.
func (l *lab) progress(r row) {
	fmt.Fprintf(l.errs, "%s, %d sessions: ratio %.2f, added %.2f ms, cpu %.2f ms a message %s\n",
		r.Scanner, r.Sessions, r.Ratio.Median, r.Added.Median, r.CPU.Median, r.Err)
}

// pairs runs one pair to warm up, and the ones that count. Which half comes
// first changes from pair to pair, so that a machine which gets slower or
// faster favours neither.
func (l *lab) pairs(ctx context.Context, p *program, scanner string, w load, n int) ([]pair, error) {
	var counted []pair
	for i := range n + 1 {
		var one pair
		var err error
		halves := []func(){
			func() { one.direct, err = l.direct(ctx, w) },
			func() { one.through, err = l.through(ctx, p, scanner, w) },
		}
		for h := range halves {
			halves[(h+i)%2]()
			if err != nil {
				return counted, err
			}
		}
		if i > 0 {
			counted = append(counted, one)
		}
	}
	return counted, nil
}

// numbers reads "1,10,50".
func numbers(text string) ([]int, error) {
	var list []int
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("cannot read %q: want numbers above 0 with commas between them", text)
		}
		list = append(list, n)
	}
	return list, nil
}

// loadAverage says how busy the machine was, for whoever reads the table. A
// figure well above 0 before the start means that others took their share, and
// more processes through proxyfilter than direct claim more of what is left.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}

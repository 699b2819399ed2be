package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// The goals of the project for 4 KB messages. Where they come from: the peers
// reach 0.01 to 0.10 of the direct rate and cost 0.8 to 11 ms of CPU a message;
// Postfix's own proxy client reaches 0.2 to 0.38 at 1 ms.
const (
	goalRatio      = 0.40 // with a stand-in for spamd
	goalRatioAlone = 0.60 // with spamd switched off
	goalAdded      = 1.5  // ms that p50 may grow by at one session
	goalCPU        = 0.60 // ms a message at 10 sessions and more
	goalPSS        = 60.0 // MiB with 1,000 conversations waiting
	goalWaiting    = 1000
)

// misses lists the goals that a row does not reach, in words.
func (r row) misses() []string {
	if r.Err != "" {
		return []string{r.Err}
	}
	var list []string
	miss := func(missed bool, what string, is, goal float64) {
		if missed {
			list = append(list, fmt.Sprintf("%s %.2f, goal %.2f", what, is, goal))
		}
	}
	if r.Sessions == 1 {
		miss(r.Added.Median > goalAdded, "added p50", r.Added.Median, goalAdded)
		return list
	}
	miss(r.Ratio.Median < r.goalRatio(), "ratio", r.Ratio.Median, r.goalRatio())
	miss(r.CPU.Median > goalCPU, "cpu", r.CPU.Median, goalCPU)
	return list
}

func (r row) goalRatio() float64 {
	if r.Scanner == scannerNone {
		return goalRatioAlone
	}
	return goalRatio
}

// printRows writes the table. The goals stand beside the figures that have one.
func printRows(out io.Writer, rows []row) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "scanner\tsessions\tdirect/s\tthrough/s\tratio (min–max)\tgoal\tp50 direct\tp50 through\tadded\tgoal\tp99\tcpu ms/msg\tgoal\tPSS MiB\t\t")
	for _, r := range rows {
		if r.Err != "" {
			fmt.Fprintf(w, "%s\t%d\tdoes not count: %s\t\n", r.Scanner, r.Sessions, r.Err)
			continue
		}
		ratio, added, cpu := fmt.Sprintf("≥%.2f", r.goalRatio()), "", fmt.Sprintf("≤%.2f", goalCPU)
		if r.Sessions == 1 {
			ratio, added, cpu = "", fmt.Sprintf("≤%.1f", goalAdded), ""
		}
		verdict := "ok"
		if len(r.misses()) > 0 {
			verdict = "MISSED"
		}
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%.0f\t%.2f (%.2f–%.2f)\t%s\t%.2f\t%.2f\t%.2f\t%s\t%.2f\t%.2f\t%s\t%.1f\t%s\t\n",
			r.Scanner, r.Sessions, r.Direct.Median, r.Through.Median, r.Ratio.Median, r.Ratio.Min, r.Ratio.Max, ratio,
			r.DirectP50.Median, r.P50.Median, r.Added.Median, added, r.P99.Median, r.CPU.Median, cpu, r.PSS, verdict)
	}
	_ = w.Flush()
}

// missed is an error that names every goal missed; nil when there is none.
func missed(lists ...[]string) error {
	var all []string
	for _, list := range lists {
		all = append(all, list...)
	}
	if len(all) == 0 {
		return nil
	}
	return fmt.Errorf("goals missed: %s", strings.Join(all, "; "))
}

package main

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"proxyfilter/integration/rig"
)

// report is all results.
type report struct {
	surroundings string
	began        time.Time
	took         time.Duration
	results      []result
}

// look says what it was that was tested, and with which programs.
func look(ctx context.Context) string {
	first := func(name string, args ...string) string {
		out, _ := exec.CommandContext(ctx, rig.Program(name), args...).Output()
		line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return line
	}
	commit := first("git", "describe", "--always", "--tags", "--dirty")
	if commit == "" {
		commit = "unknown"
	}
	return fmt.Sprintf("commit %s, %s, Postfix %s, %s, %d processors", commit, runtime.Version(),
		first("postconf", "-d", "-h", "mail_version"), first("spamassassin", "--version"), runtime.NumCPU())
}

// clean says whether every figure is there and 0.
func (r report) clean() bool {
	for _, one := range r.results {
		for _, name := range one.holds {
			if n, there := one.figures[name]; !there || n != 0 {
				return false
			}
		}
		if one.failed > 0 {
			return false
		}
	}
	return true
}

// markdown is the file.
func (r report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# What `make verify` came to\n\n%s; %s. It took %s. Every figure must be 0.\n\n", r.began.UTC().Format("2 January 2006"),
		r.surroundings, r.took.Round(time.Second))
	b.WriteString("| | lost | doubled without need | let in against a refusal | smuggled | leaked | failed |\n|---|---:|---:|---:|---:|---:|---:|\n")
	for _, one := range r.results {
		fmt.Fprintf(&b, "| %s |", one.title)
		for _, name := range figureNames() {
			fmt.Fprintf(&b, " %s |", one.cell(name))
		}
		fmt.Fprintf(&b, " %d |\n", one.failed)
	}
	for _, one := range r.results {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n`%s`, %s.\n\n%s\n", one.title, one.about, strings.Join(one.args, " "), one.took.Round(time.Second), one.text)
	}
	return b.String()
}

// cell is a figure; a question mark where the step should have told it.
func (r result) cell(name string) string {
	if n, there := r.figures[name]; there {
		return fmt.Sprint(n)
	}
	for _, held := range r.holds {
		if held == name {
			return "?"
		}
	}
	return ""
}

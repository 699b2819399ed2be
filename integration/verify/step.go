package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// scope is how much is tested.
type scope struct {
	kills   int
	minutes float64
	fuzz    time.Duration
}

// step is one command.
type step struct {
	title string
	args  []string
	about string   // what it shows, in a sentence
	holds []string // the figures that it is about
}

// The figures.
const (
	lost     = "lost"
	doubled  = "doubled"
	letIn    = "let-in"
	smuggled = "smuggled"
	leaked   = "leaked"
)

func figureNames() []string { return []string{lost, doubled, letIn, smuggled, leaked} }

func (s scope) steps() []step {
	test := func(run string, packages ...string) []string {
		return append([]string{"go", "test", "-tags", "integration", "-count=1", "-timeout", "30m", "-v", "-run", run}, packages...)
	}
	return []step{
		{
			title: "Killed anywhere", args: []string{"go", "run", "./integration/kills", "-kills", strconv.Itoa(s.kills)},
			about: "Processes of both Postfixes, of spamd and proxyfilter itself end with SIGKILL while mail goes through. P is the Postfix in front, A the one behind the filter.",
			holds: []string{lost, doubled, letIn},
		},
		{
			title: "Load", args: []string{"go", "run", "./integration/soak", "-minutes", fmt.Sprint(s.minutes)},
			about: "Thousands of conversations, faults of all kinds, and a flood.",
			holds: []string{lost, doubled, letIn, leaked},
		},
		{
			title: "Smuggling", args: test("TestNothingButWhatTheFirstPostfixSent|muggl|NoTrick|TrueEnd|CRLFDotCRLF", "./integration", "./milestones", "./relay/..."),
			about: "Every sequence that some server takes for an end of data, through real Postfix and against the decoder.",
			holds: []string{smuggled},
		},
		{
			title: "The fault matrix", args: test("^TestFaults", "./milestones", "./integration"),
			about: "Every cell of FAULTS.md: in memory, and where it can be through real Postfix.",
			holds: []string{lost, doubled, letIn, leaked},
		},
		{
			title: "Fuzzing", args: []string{"make", "--no-print-directory", "fuzz", "FUZZTIME=" + s.fuzz.String()},
			about: "Every fuzz target, from the seeds and findings that are kept.",
		},
		{
			title: "Ten million records", args: []string{
				"env", "JOURNAL_RECORDS=10000000", "go", "test", "./filter/journal", "-run", "^$", "-bench", "LookUp",
			},
			about: "A record is found by reference, queue id or Message-ID, each in less than a second.",
		},
	}
}

// result is what a step came to.
type result struct {
	step
	took    time.Duration
	figures map[string]int
	passed  int
	failed  int    // tests, or 1 for a step that failed
	text    string // for the report
}

// take runs the command. Its errors are a result, too.
func (s step) take(ctx context.Context, errs io.Writer) result {
	cmd := exec.CommandContext(ctx, s.args[0], s.args[1:]...)
	// What it starts ends with it: `go run` and make pass no signals on.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, errs // the reports and Go's tests use the former
	began := time.Now()
	err := cmd.Run()
	r := s.read(out.String(), err)
	r.took = time.Since(began)
	return r
}

var (
	passedTest = regexp.MustCompile(`(?m)^ *--- PASS: `)
	failedTest = regexp.MustCompile(`(?m)^ *--- FAIL: `)
	comment    = regexp.MustCompile(`<!-- figures:(.*) -->\n?`)
)

// read finds the figures in what a command wrote.
func (s step) read(out string, err error) result {
	r := result{step: s, figures: make(map[string]int)}
	r.passed, r.failed = len(passedTest.FindAllString(out, -1)), len(failedTest.FindAllString(out, -1))
	if err != nil {
		r.failed = max(r.failed, 1)
	}
	for _, name := range s.holds {
		if r.passed > 0 && r.failed == 0 {
			r.figures[name] = 0
		}
	}
	for _, match := range comment.FindAllStringSubmatch(out, -1) {
		r.add(match[1])
	}
	r.text = strings.TrimSpace(comment.ReplaceAllString(out, ""))
	switch {
	case r.passed+r.failed > 0 && r.failed == 0:
		r.text = fmt.Sprintf("%d tests passed.", r.passed)
	case len(s.holds) == 0 || r.passed > 0:
		r.text = "```\n" + tail(r.text, 60) + "\n```"
	}
	return r
}

// add reads name=number pairs.
func (r *result) add(pairs string) {
	for _, pair := range strings.Fields(pairs) {
		name, value, _ := strings.Cut(pair, "=")
		if n, err := strconv.Atoi(value); err == nil {
			r.figures[name] += n
		}
	}
}

// tail is the last n lines.
func tail(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

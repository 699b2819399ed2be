// Command verify makes the long tests, those that `make test` has in small, and
// writes what they came to as a Markdown file that can be committed.
//
// Each step is a command of its own. The programs of ours among them end their
// report with a comment that holds their figures (see figures); of Go's tests it
// counts those that failed. Every figure must be 0, and a step that does not come
// to its end has failed.
//
//	verify -kills 200 -minutes 5 -fuzztime 60s -o integration/VERIFIED.md
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"proxyfilter/integration/rig"
)

func main() {
	os.Exit(command(os.Args[1:], os.Stderr))
}

// limit bounds all steps together.
const limit = 90 * time.Minute

// command carries it out. Exit codes: 0 fine, 1 not, 2 usage.
func command(args []string, errs io.Writer) int {
	flags := flag.NewFlagSet("verify", flag.ContinueOnError)
	flags.SetOutput(errs)
	var s scope
	flags.IntVar(&s.kills, "kills", 200, "processes to kill")
	flags.Float64Var(&s.minutes, "minutes", 5, "of load")
	flags.DurationVar(&s.fuzz, "fuzztime", time.Minute, "for each fuzz target")
	file := flags.String("o", "integration/VERIFIED.md", "where to write the report")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if err := rig.Lacking("postfix", "spamd"); err != nil {
		fmt.Fprintln(errs, "verify:", err)
		return 1
	}
	return rig.Command("verify", errs, func(ctx context.Context) error { return verify(ctx, s.steps(), *file, errs) })
}

// verify takes all steps, also after one that failed, and writes the report.
func verify(ctx context.Context, steps []step, file string, errs io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r := report{surroundings: look(ctx), began: time.Now()}
	for _, s := range steps {
		fmt.Fprintf(errs, "verify: %s: %v\n", s.title, s.args)
		r.results = append(r.results, s.take(ctx, errs))
	}
	r.took = time.Since(r.began)
	err := os.WriteFile(file, []byte(r.markdown()), 0o644)
	if err == nil && !r.clean() {
		err = errors.New("not everything is 0: see " + file)
	}
	return err
}

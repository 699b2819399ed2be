// Command bench measures what proxyfilter costs.
//
// Four processes take part: a load generator that speaks exactly as Postfix's
// proxy client does (smtpd_proxy.c), proxyfilter itself with its log and
// metrics on, a stand-in for spamd that answers at once, and a sink that keeps
// count of every message. The same generator also talks straight to the sink,
// and the two kinds of run alternate, so that a busy machine slows both: the
// ratio of a pair means something where a rate does not. A run counts only if
// the sink holds every message exactly once and unharmed.
//
// All parts are one program, which starts itself again under another role, so
// that each has a heap, a scheduler and a CPU account of its own:
//
//	bench run     throughput, latency, CPU and memory, as a table
//	bench hold    many conversations waiting for few scan slots
//	bench load    the generator alone
//	bench sink    the next hop alone
//	bench spamd   the stand-in for spamd alone
//
// The program talks over sockets only and imports nothing of what it measures.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"proxyfilter/integration/rig"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// console is what a role reads and writes.
type console struct {
	in       io.Reader
	out, err io.Writer
}

// run carries out one role. Exit codes: 0 fine, 1 a goal was missed or a run
// failed, 2 usage.
func run(args []string, in io.Reader, out, errs io.Writer) int {
	roles := map[string]func(context.Context, []string, console) error{
		"run": runRun, "hold": runHold, "load": runLoad, "sink": runSink, "spamd": runSpamd,
	}
	if len(args) == 0 || roles[args[0]] == nil {
		fmt.Fprintln(errs, "usage: bench run|hold|load|sink|spamd [-h]")
		return 2
	}
	return rig.Command("bench "+args[0], errs, func(ctx context.Context) error {
		return roles[args[0]](ctx, args[1:], console{in, out, errs})
	})
}

// Command proxyfilter is a before-queue filter for Postfix: it has each message
// scored by SpamAssassin while the client that sends it is still connected, and
// hands it on to a second Postfix listener, or refuses it.
//
// The package introduces the parts to each other and does nothing else. Package
// relay carries messages and package filter decides about them; neither knows
// the configuration, the log, the metrics or the other. Here are
//
//   - the commands (command.go and one file each);
//   - the configuration (config*.go): one list of keys, which the file, the
//     environment, the command line, the printed form and the manual follow;
//   - the wiring (wire.go), where settings become the structs of the packages
//     that do the work, and the daemon around them (daemon.go, reload.go);
//   - the observers (log*.go, metrics*.go, status.go), which see every outcome
//     as one filter.Record, never delay it, and cannot change it.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], program{
		stdin:   os.Stdin,
		stdout:  os.Stdout,
		stderr:  os.Stderr,
		environ: os.Environ(),
		file:    defaultFile,
	}))
}

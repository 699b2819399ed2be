// Command demo shows proxyfilter at work, in a mail site that it builds for the
// occasion and takes down again: Postfix, spamd and proxyfilter, all on free
// loopback ports and below one temporary directory. An SMTP client that is not
// ours sends a harmless message and one that SpamAssassin knows to be spam; what
// is said, and what arrives, is printed.
//
//	make demo            once
//	make demo KEEP=1     leaves it running until Ctrl-C, to be played with
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"proxyfilter/integration/rig"
)

// limit is how long anything but the reader may take; on a new machine that
// includes compiling.
const limit = 10 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	screen := newScreen(os.Stdout)
	err := run(ctx, screen, os.Getenv("KEEP") == "1")
	switch {
	case err == nil:
	case ctx.Err() != nil:
		screen.line("", "\nInterrupted. Everything is stopped and removed.")
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run always takes down what it has set up.
func run(ctx context.Context, screen *screen, keep bool) (err error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	dir, err := os.MkdirTemp("", "proxyfilter-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary, err := rig.Build(limited, dir)
	if err != nil {
		return err
	}
	s, err := open(limited, binary, screen)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := play(limited, screen, s); err != nil {
		return err
	}
	if err := recipe(screen); err != nil {
		return err
	}
	if keep {
		linger(ctx, screen, s)
	}
	return nil
}

// linger leaves everything running until the reader has had enough.
func linger(ctx context.Context, screen *screen, s stage) {
	screen.title("It keeps running until you press Ctrl-C. Try:")
	screen.line(cyan, "    swaks --server %s --local-interface %s --to you@%s", s.front(), rig.Stranger, rig.Domain)
	for _, hint := range s.hints() {
		screen.line(cyan, "    %s", hint)
	}
	s.follow()
	<-ctx.Done()
}

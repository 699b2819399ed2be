package rig

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Command does what a command of integration is for, until SIGINT or SIGTERM ends
// the context, and gives its exit code: 0, or 1 with the error on errs.
func Command(name string, errs io.Writer, do func(context.Context) error) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := do(ctx); err != nil {
		fmt.Fprintf(errs, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

// Subject is the program that is tested: the one that was named or, for "", one that
// is built of this module, and lies in a directory that remove takes away.
func Subject(ctx context.Context, named string) (binary string, remove func(), err error) {
	if named != "" {
		return named, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "proxyfilter-program-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { os.RemoveAll(dir) }
	if binary, err = Build(ctx, dir); err != nil {
		remove()
		return "", nil, err
	}
	return binary, remove, nil
}

package rig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// Queue counts the messages that Postfix has taken and not yet delivered. A file
// without the execute bit is one that cleanup(8) has not finished: nobody was
// told that it was taken, and after a crash it stays there for a while.
func (p *Postfix) Queue() (int, error) {
	taken := 0
	for _, name := range []string{"maildrop", "incoming", "active", "deferred"} {
		err := filepath.WalkDir(filepath.Join(p.dir, "queue", name), func(_ string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // it has gone on its way meanwhile
			}
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			info, err := entry.Info()
			if err == nil && info.Mode()&0o100 != 0 {
				taken++
			}
			return nil
		})
		if err != nil {
			return 0, fmt.Errorf("queue: %w", err)
		}
	}
	return taken, nil
}

// Empty waits until everything that was taken is delivered. A message moves from
// one directory of the queue to the next, so one look may miss it.
func (p *Postfix) Empty(ctx context.Context) error {
	tick := time.NewTicker(5 * pollEvery)
	defer tick.Stop()
	for seen := 0; ; {
		n, err := p.Queue()
		if err != nil {
			return err
		}
		if seen++; n > 0 {
			seen = 0
		}
		if seen == 3 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d messages are still in the queue: %w", n, ctx.Err())
		}
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"proxyfilter/filter/journal"
	"proxyfilter/filter/review"
)

// read gives every Record of a span of time to add, oldest first. What cannot be read
// is left out, and said.
func (p *program) read(ctx context.Context, a *journal.Archive, q journal.Query, add func(review.Stored)) error {
	bar := newProgress(p.stderr, q.From, q.To)
	var failed error
	for e, err := range a.All(ctx, q) {
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		bar.add(e.Time)
		add(review.Stored{Record: &e.Record, Hashed: e.Hashed, Recipients: e.Recipients})
	}
	bar.end()
	switch {
	case ctx.Err() != nil:
		return exit{exitTemporary, fmt.Errorf("proxyfilter: read the journal: %w", ctx.Err())}
	case failed != nil && bar.records == 0:
		return exit{exitTemporary, fmt.Errorf("proxyfilter: read the journal: %w", failed)}
	case failed != nil:
		fmt.Fprintf(p.stderr, "warning: a part of the journal cannot be read: %v\n", failed)
	}
	if bar.records == 0 {
		return exit{exitNo, fmt.Errorf("proxyfilter: the journal has nothing from %s until %s", q.From.Format(time.DateTime), q.To.Format(time.DateTime))}
	}
	return nil
}

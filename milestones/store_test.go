package milestones

import (
	"context"
	"errors"
	"testing"
	"time"

	"proxyfilter/filter/store/embedded"
	"proxyfilter/relay"
)

// openStore is the store of a setup. The second thing closes it.
func openStore(t *testing.T, habit, path string) (relay.Store, func()) {
	t.Helper()
	switch habit {
	case "":
		return nil, func() {}
	case "works":
		s, err := embedded.Open(embedded.Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		return s, func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	return brokenStore{hangs: habit == "hangs"}, func() {}
}

// brokenStore fails, at once or when its user's time is over.
type brokenStore struct{ hangs bool }

func (b brokenStore) fail(ctx context.Context) error {
	if b.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return errors.New("input/output error")
}

func (b brokenStore) Put(ctx context.Context, _ string, _ []byte, _ time.Duration) error {
	return b.fail(ctx)
}

func (b brokenStore) Get(ctx context.Context, _ string) ([]byte, bool, error) {
	return nil, false, b.fail(ctx)
}

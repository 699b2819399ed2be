// Package exceptionstest says what a Book of exceptions must do in every store. The cases
// are run by the tests of each store, as those of storetest are.
package exceptionstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/exceptions"
)

// Case is one thing that must hold in an empty store.
type Case struct {
	Name  string
	Check func(s exceptions.Store) error
}

// Cases are all of them. Their names are sentences.
func Cases() []Case {
	return []Case{
		{"what was made is there, until its end", made},
		{"what was revoked is not there, and its place is free", revokes},
		{"what changes is news, and nothing else is", news},
		{"two who make one at once have both", together},
		{"what lasts too long or has ended is refused", refuses},
		{"one that cannot be read hides no other", unreadable},
		{"there are so many and no more", full},
	}
}

// nth is an exception. It lasts an hour from now.
func nth(n int, now time.Time) filter.Exception {
	now = now.UTC().Truncate(time.Second)
	return filter.Exception{
		ID: filter.Reference(now, uint32(n)), Reference: "1JD3K8M7Q2XA", Made: now, Until: now.Add(time.Hour),
		Kind: filter.ForSender, Name: fmt.Sprintf("sender%d@example.org", n),
	}
}

// has wants exactly these, in any order.
func has(b exceptions.Book, now time.Time, want ...filter.Exception) error {
	got, err := b.All(context.Background(), now)
	if err != nil {
		return err
	}
	sorted := func(all []filter.Exception) string {
		lines := make([]string, len(all))
		for i, e := range all {
			lines[i] = e.String()
		}
		slices.Sort(lines)
		return fmt.Sprint(lines)
	}
	if sorted(got) != sorted(want) {
		return fmt.Errorf("there is %v, want %v", sorted(got), sorted(want))
	}
	return nil
}

func made(s exceptions.Store) error {
	b, now, ctx := exceptions.Book{Store: s}, time.Now(), context.Background()
	one, two := nth(1, now), nth(2, now)
	two.Until = two.Until.Add(time.Hour)
	err := errors.Join(has(b, now), b.Make(ctx, one, now), b.Make(ctx, two, now), has(b, now, one, two))
	return errors.Join(err, has(b, one.Until.Add(-1), one, two), has(b, one.Until, two), has(b, two.Until))
}

func revokes(s exceptions.Store) error {
	b, now, ctx := exceptions.Book{Store: s}, time.Now(), context.Background()
	one, two := nth(1, now), nth(2, now)
	err := errors.Join(b.Make(ctx, one, now), b.Make(ctx, two, now))
	got, found, failed := b.Revoke(ctx, one.ID)
	if got != one || !found {
		err = errors.Join(err, fmt.Errorf("revoked %v, %v", got, found))
	}
	err = errors.Join(err, failed, has(b, now, two))
	if _, found, failed = b.Revoke(ctx, one.ID); found || failed != nil {
		err = errors.Join(err, fmt.Errorf("revoked again: %v, %w", found, failed))
	}
	return errors.Join(err, b.Make(ctx, one, now), has(b, now, one, two))
}

func news(s exceptions.Store) error {
	b, now, ctx := exceptions.Book{Store: s}, time.Now(), context.Background()
	known := ""
	want := func(changed bool, n int) error {
		all, edition, err := b.News(ctx, known, now)
		if (edition != known) != changed || len(all) != n {
			err = errors.Join(err, fmt.Errorf("edition %q after %q, with %d", edition, known, len(all)))
		}
		known = edition
		return err
	}
	e := nth(1, now)
	err := errors.Join(want(true, 0), want(false, 0), b.Make(ctx, e, now), want(true, 1), want(false, 0))
	_, _, failed := b.Revoke(ctx, e.ID)
	err = errors.Join(err, failed, want(true, 0))
	_, _, failed = b.Revoke(ctx, e.ID) // the process before us may have died between the two
	return errors.Join(err, failed, want(true, 0))
}

func together(s exceptions.Store) error {
	b, now := exceptions.Book{Store: s}, time.Now()
	const crowd = 10
	var all sync.WaitGroup
	errs, want := make([]error, crowd), make([]filter.Exception, crowd)
	for i := range crowd {
		want[i] = nth(i, now)
		all.Go(func() { errs[i] = b.Make(context.Background(), want[i], now) })
	}
	all.Wait()
	return errors.Join(errors.Join(errs...), has(b, now, want...))
}

func refuses(s exceptions.Store) error {
	b, now := exceptions.Book{Store: s}, time.Now()
	long, over, odd, early := nth(1, now), nth(2, now), nth(3, now), nth(4, now.Add(2*filter.MaxException))
	long.Until = long.Made.Add(filter.MaxException + time.Second)
	over.Made, over.Until = over.Made.Add(-2*time.Hour), over.Made.Add(-time.Hour)
	odd.Name = "Everybody"
	var err error
	for _, e := range []filter.Exception{long, over, odd, early} {
		if b.Make(context.Background(), e, now) == nil {
			err = errors.Join(err, fmt.Errorf("%v was made", e))
		}
	}
	return errors.Join(err, has(b, now))
}

func unreadable(s exceptions.Store) error {
	b, now, ctx := exceptions.Book{Store: s}, time.Now(), context.Background()
	err := s.Put(ctx, "exception:0", []byte("of a later release"), time.Hour)
	e := nth(1, now)
	err = errors.Join(err, b.Make(ctx, e, now))
	if all, bad := b.All(ctx, now); len(all) != 1 || all[0] != e || bad == nil {
		err = errors.Join(err, fmt.Errorf("there is %v, %w", all, bad))
	}
	if _, found, bad := b.Revoke(ctx, e.ID); !found || bad != nil {
		err = errors.Join(err, fmt.Errorf("revoked %v, %w", found, bad))
	}
	return err
}

func full(s exceptions.Store) error {
	b, now, ctx := exceptions.Book{Store: s}, time.Now(), context.Background()
	var all sync.WaitGroup
	errs := make([]error, exceptions.Max)
	for i := range exceptions.Max { // at once: one by one is slow on a disk
		all.Go(func() { errs[i] = s.Put(ctx, fmt.Sprintf("exception:%d", i), []byte(nth(i, now).String()), time.Hour) })
	}
	all.Wait()
	err := errors.Join(errs...)
	one := nth(exceptions.Max, now)
	if made := b.Make(ctx, one, now); !errors.Is(made, exceptions.ErrFull) {
		err = errors.Join(err, fmt.Errorf("one more: %w", made))
	}
	_, _, failed := b.Revoke(ctx, nth(exceptions.Max-1, now).ID)
	left, bad := b.All(ctx, now)
	if len(left) != exceptions.Max-1 {
		bad = errors.Join(bad, fmt.Errorf("there are %d", len(left)))
	}
	made := b.Make(ctx, one, now)
	for ; errors.Is(made, exceptions.ErrFull) && time.Since(now) < time.Minute; made = b.Make(ctx, one, now) {
	} // a place is free a millisecond later
	return errors.Join(err, failed, bad, made)
}

package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// crowd is how many use the store at once.
const crowd = 50

// together does something in parallel and returns what went wrong.
func together(do func(i int) error) error {
	var all sync.WaitGroup
	errs := make([]error, crowd)
	for i := range crowd {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func oneIsFirst(s Store) error {
	var firsts [crowd]bool
	err := together(func(i int) (err error) {
		firsts[i], err = s.Add(context.Background(), "key", []byte{byte(i)}, time.Hour)
		return err
	})
	n := 0
	for i, first := range firsts {
		if first {
			n++
			err = errors.Join(err, holds(s, "key", []byte{byte(i)}))
		}
	}
	if n != 1 {
		err = errors.Join(err, fmt.Errorf("%d were the first", n))
	}
	return err
}

func servesMany(s Store) error {
	err := together(func(i int) error {
		key, value := fmt.Sprintf("key %d", i), fmt.Sprintf("value %d", i)
		return errors.Join(holds(s, key, nil), put(s, key, value, time.Hour), holds(s, key, []byte(value)))
	})
	return errors.Join(err, together(func(i int) error {
		return holds(s, fmt.Sprintf("key %d", i), fmt.Appendf(nil, "value %d", i))
	}))
}

// endsWithItsContext cannot see what a slow store does; that it asks its context
// at all can be seen.
func endsWithItsContext(s Store) error {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	err := put(s, "there", "x", time.Hour)
	if put := s.Put(ended, "key", nil, time.Hour); !errors.Is(put, context.Canceled) {
		err = errors.Join(err, fmt.Errorf("after the end of the context, Put: %w", put))
	}
	if _, add := s.Add(ended, "key", nil, time.Hour); !errors.Is(add, context.Canceled) {
		err = errors.Join(err, fmt.Errorf("after the end of the context, Add: %w", add))
	}
	if _, _, get := s.Get(ended, "there"); !errors.Is(get, context.Canceled) {
		err = errors.Join(err, fmt.Errorf("after the end of the context, Get: %w", get))
	}
	return errors.Join(err, holds(s, "key", nil), holds(s, "there", []byte("x")))
}

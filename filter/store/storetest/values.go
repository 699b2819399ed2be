package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// holds wants a key to have a value; nil: to be unknown.
func holds(s Store, key string, want []byte) error {
	got, found, err := s.Get(context.Background(), key)
	switch {
	case err != nil:
		return fmt.Errorf("Get(%.40q): %w", key, err)
	case found != (want != nil) || found && !bytes.Equal(got, want):
		return fmt.Errorf("Get(%.40q) is %.40q, %v; want %.40q", key, got, found, want)
	}
	return nil
}

func put(s Store, key, value string, ttl time.Duration) error {
	if err := s.Put(context.Background(), key, []byte(value), ttl); err != nil {
		return fmt.Errorf("Put(%.40q): %w", key, err)
	}
	return nil
}

// add wants Add to be the first, or not.
func add(s Store, key, value string, ttl time.Duration, want bool) error {
	added, err := s.Add(context.Background(), key, []byte(value), ttl)
	if err != nil || added != want {
		return fmt.Errorf("Add(%.40q) is %v, %w; want %v", key, added, err, want)
	}
	return nil
}

// lives wants a key to have a value that was stored for TTL, at that time or later.
// Whoever comes to look after that, on a machine that stood still, learns nothing.
func lives(s Store, key, want string, stored time.Time) error {
	err := holds(s, key, []byte(want))
	if time.Since(stored) >= TTL {
		return nil
	}
	return err
}

func finds(s Store) error {
	return errors.Join(
		holds(s, "key", nil), put(s, "key", "value", time.Hour), holds(s, "key", []byte("value")),
		holds(s, "ke", nil), holds(s, "key2", nil), holds(s, "KEY", nil), holds(s, "", nil),
	)
}

func anyBytes(s Store) error {
	var all []error
	long := strings.Repeat("k", MaxKey)
	for key, value := range map[string]string{
		"\x00": "\x00", "\xff\xfe": "\r\n.\r\n", " a key": "", long: strings.Repeat("v", MaxValue), long[1:]: "less", "ключ:*?[": "\x80",
	} {
		all = append(all, put(s, key, value, time.Hour), holds(s, key, []byte(value)))
	}
	return errors.Join(all...)
}

func replaces(s Store, sleep func(time.Duration)) error {
	err := errors.Join(
		put(s, "longer", "one", TTL), put(s, "longer", "two", time.Hour), holds(s, "longer", []byte("two")),
		put(s, "shorter", "one", time.Hour),
	)
	stored := time.Now()
	err = errors.Join(err, put(s, "shorter", "two", TTL), lives(s, "shorter", "two", stored))
	sleep(TTL + TTL/2)
	return errors.Join(err, holds(s, "longer", []byte("two")), holds(s, "shorter", nil))
}

func expires(s Store, sleep func(time.Duration)) error {
	stored := time.Now()
	err := errors.Join(put(s, "a", "1", TTL), put(s, "b", "2", time.Hour))
	sleep(TTL / 4)
	err = errors.Join(err, lives(s, "a", "1", stored))
	sleep(TTL)
	return errors.Join(err, holds(s, "a", nil), holds(s, "b", []byte("2")), put(s, "a", "3", time.Hour), holds(s, "a", []byte("3")))
}

func adds(s Store) error {
	return errors.Join(add(s, "key", "one", time.Hour, true), add(s, "key", "two", time.Hour, false), holds(s, "key", []byte("one")),
		put(s, "other", "x", time.Hour), add(s, "other", "y", time.Hour, false), holds(s, "other", []byte("x")))
}

func addsAgain(s Store, sleep func(time.Duration)) error {
	err := add(s, "key", "one", TTL, true)
	sleep(TTL + TTL/2)
	return errors.Join(err, add(s, "key", "two", time.Hour, true), holds(s, "key", []byte("two")))
}

func sharesNothing(s Store) error {
	given := []byte("value")
	err := s.Put(context.Background(), "key", given, time.Hour)
	given[0] = 'X'
	got, _, failed := s.Get(context.Background(), "key")
	if len(got) > 0 {
		got[0] = 'Y'
	}
	return errors.Join(err, failed, holds(s, "key", []byte("value")))
}

func refuses(s Store) error {
	var all []error
	for name, e := range map[string]struct {
		key, value string
		ttl        time.Duration
	}{
		"an empty key":            {"", "x", time.Hour},
		"a key that is too long":  {strings.Repeat("k", MaxKey+1), "x", time.Hour},
		"a value that is too big": {"key", strings.Repeat("v", MaxValue+1), time.Hour},
		"no time":                 {"key", "x", 0},
		"a time in the past":      {"key", "x", -time.Second},
	} {
		if err := put(s, e.key, e.value, e.ttl); err == nil {
			all = append(all, fmt.Errorf("%s was stored", name))
		}
		if added, err := s.Add(context.Background(), e.key, []byte(e.value), e.ttl); err == nil || added {
			all = append(all, fmt.Errorf("%s was added", name))
		}
	}
	return errors.Join(errors.Join(all...), holds(s, "key", nil))
}

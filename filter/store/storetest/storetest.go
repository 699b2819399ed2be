// Package storetest says what every store must do, whatever it is made of.
//
// A store keeps values under keys for a time. It is asked by what stands in the
// path of mail, so its methods end with their context; it is told of what strangers
// send, so it has limits; and where several processes share one, Add is how one of
// them, and no other, is the first.
//
// The cases are values, to be run by the tests of each store:
//
//	for _, c := range storetest.Cases() {
//		t.Run(c.Name, func(t *testing.T) {
//			if err := c.Check(open(t), sleep); err != nil {
//				t.Error(err)
//			}
//		})
//	}
package storetest

import (
	"context"
	"time"
)

// Store is what a store can do. Who uses one names less.
type Store interface {
	// Put stores a value for a time, in place of one that is there.
	Put(ctx context.Context, key string, value []byte, ttl time.Duration) error

	// Add stores a value if there is none under the key.
	Add(ctx context.Context, key string, value []byte, ttl time.Duration) (added bool, err error)

	// Get finds a value. That there is none is no error.
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
}

// The least limits: what a store must take.
const (
	MaxKey   = 256
	MaxValue = 4096
)

// TTL is how long the cases let a value live. A store whose time is real is slow
// to test; shorter, and a slow machine would seldom look before they vanish.
const TTL = 2 * time.Second

// Case is one thing that must hold.
type Case struct {
	Name string

	// Check wants an empty store. sleep lets time pass for it, in virtual or in
	// real time.
	Check func(s Store, sleep func(time.Duration)) error
}

// Cases are all of them. Their names are sentences.
func Cases() []Case {
	now := func(check func(Store) error) func(Store, func(time.Duration)) error {
		return func(s Store, _ func(time.Duration)) error { return check(s) }
	}
	return []Case{
		{"what was put is found, and nothing else", now(finds)},
		{"keys and values may be any bytes, up to the limits", now(anyBytes)},
		{"a value replaces another, with its time", replaces},
		{"a value is found until its time is over", expires},
		{"only the first of several is added", now(adds)},
		{"what has expired can be added again", addsAgain},
		{"of many who add at once, one is the first", now(oneIsFirst)},
		{"slices are not shared", now(sharesNothing)},
		{"what cannot be stored is refused and changes nothing", now(refuses)},
		{"an ended context ends the wait", now(endsWithItsContext)},
		{"many may use it at once", now(servesMany)},
	}
}

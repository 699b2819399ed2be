package embedded

import (
	"encoding/binary"
	"time"

	"go.etcd.io/bbolt"
)

// transaction is one transaction of bbolt's, and what it has changed so far.
type transaction struct {
	values, expiry *bbolt.Bucket
	held           tally
	changes        []change
}

func (f *file) begin(tx *bbolt.Tx) *transaction {
	return &transaction{values: tx.Bucket([]byte(valuesBucket)), expiry: tx.Bucket([]byte(expiryBucket)), held: f.held}
}

// one does one request.
func (t *transaction) one(r request, now time.Time) (answer, error) {
	old := t.values.Get([]byte(r.key))
	a := answer{found: len(old) >= stamp && timeOf(old).After(now)}
	if !r.writes {
		if a.found {
			a.value = append([]byte{}, old[stamp:]...) // the page is gone with the transaction
		}
		return a, nil
	}
	if r.ifAbsent && a.found {
		return a, nil
	}
	if err := t.remove([]byte(r.key), old); err != nil {
		return a, err
	}
	return a, t.insert([]byte(r.key), r)
}

func (t *transaction) insert(key []byte, r request) error {
	value := append(binary.BigEndian.AppendUint64(nil, uint64(r.expires.UnixNano())), r.value...)
	if err := t.values.Put(key, value); err != nil {
		return err
	}
	t.held.add(key, value, 1)
	t.changes = append(t.changes, change{r.key, r.expires})
	return t.expiry.Put(append(value[:stamp:stamp], key...), nil)
}

// remove takes an entry out, if there is one.
func (t *transaction) remove(key, value []byte) error {
	if len(value) < stamp {
		return nil
	}
	t.held.add(key, value, -1)
	t.changes = append(t.changes, change{key: string(key)})
	first := append(append([]byte{}, value[:stamp]...), key...) // both before either page moves
	if err := t.values.Delete(first[stamp:]); err != nil {
		return err
	}
	return t.expiry.Delete(first)
}

// expire removes up to so many entries whose time is over.
func (t *transaction) expire(now time.Time, most int) error {
	for ; most > 0; most-- {
		first, _ := t.expiry.Cursor().First()
		if len(first) < stamp || timeOf(first).After(now) {
			return nil
		}
		if err := t.drop(first); err != nil {
			return err
		}
	}
	return nil
}

// makeRoom removes what would expire first until the limits are kept.
func (t *transaction) makeRoom(maxEntries int, maxBytes int64) error {
	for t.held.entries > maxEntries || t.held.bytes > maxBytes {
		first, _ := t.expiry.Cursor().First()
		if len(first) < stamp {
			return damaged{"entries that never expire"}
		}
		if err := t.drop(first); err != nil {
			return err
		}
	}
	return nil
}

// drop removes the entry that one key of expiry is about.
func (t *transaction) drop(first []byte) error {
	key := first[stamp:]
	value := t.values.Get(key)
	if len(value) < stamp || string(value[:stamp]) != string(first[:stamp]) {
		return damaged{"two buckets that disagree"}
	}
	return t.remove(key, value)
}

func (n *tally) add(key, value []byte, times int) {
	n.entries += times
	n.bytes += int64(times * (len(key) + len(value)))
}

func timeOf(b []byte) time.Time {
	return time.Unix(0, int64(binary.BigEndian.Uint64(b)))
}

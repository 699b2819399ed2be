package filter

import (
	"fmt"
	"strings"
	"time"
)

// crockford is Crockford's base 32: no I, L, O or U, so that a reference can be
// read out on the telephone.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// A reference has 7 characters of seconds since 1970 and 5 random ones.
const (
	referenceTime   = 7
	referenceRandom = 5
)

// Reference names one transaction: 12 characters that sort by time, in our
// reply, the record, the header and the next hop's log. The low 25 bits of
// random are used.
func Reference(t time.Time, random uint32) string {
	var ref [referenceTime + referenceRandom]byte
	seconds := uint64(t.Unix())
	for i := referenceTime - 1; i >= 0; i-- {
		ref[i] = crockford[seconds&31]
		seconds >>= 5
	}
	for i := len(ref) - 1; i >= referenceTime; i-- {
		ref[i] = crockford[random&31]
		random >>= 5
	}
	return string(ref[:])
}

// ReferenceTime is the second that a reference names. It is read as
// CanonicalReference reads it.
func ReferenceTime(ref string) (time.Time, error) {
	plain, err := CanonicalReference(ref)
	if err != nil {
		return time.Time{}, err
	}
	var seconds int64
	for _, c := range plain[:referenceTime] {
		seconds = seconds<<5 | int64(strings.IndexRune(crockford, c))
	}
	return time.Unix(seconds, 0), nil
}

// CanonicalReference is a reference as it was printed, of one that somebody has
// typed: case is ignored, and O is read as 0, I and L as 1, as Crockford asks.
func CanonicalReference(ref string) (string, error) {
	plain := strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(ref))
	if len(ref) != len(plain) || len(ref) != referenceTime+referenceRandom { // upper case can be shorter
		return "", fmt.Errorf("reference %q: want %d characters", ref, referenceTime+referenceRandom)
	}
	for _, c := range plain {
		if !strings.ContainsRune(crockford, c) {
			return "", fmt.Errorf("reference %q: %q is not a letter or digit of it", ref, c)
		}
	}
	return plain, nil
}

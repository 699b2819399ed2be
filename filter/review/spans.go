package review

import (
	"math"
	"time"
)

// growth is by how much a bucket of Spans is longer than the one before: what is read
// from them is right to a twentieth.
const growth = 1.05

// buckets of Spans go from a millisecond to twenty minutes.
const buckets = 288

// Spans counts spans of time, so finely that the median and the slowest in a hundred
// can be told. The zero Spans is empty.
type Spans struct {
	counts [buckets]int
	total  int
}

// Add counts one.
func (s *Spans) Add(d time.Duration) {
	i := 0
	if d > time.Millisecond {
		i = int(math.Ceil(math.Log(float64(d)/float64(time.Millisecond)) / math.Log(growth)))
	}
	s.counts[min(i, buckets-1)]++
	s.total++
}

// AtMost is a span that a share of them does not exceed: with 0.5 the median.
func (s *Spans) AtMost(share float64) time.Duration {
	left := int(math.Ceil(share * float64(s.total)))
	for i, n := range s.counts {
		if left -= n; left <= 0 && s.total > 0 {
			return time.Duration(math.Pow(growth, float64(i)) * float64(time.Millisecond)).Round(time.Millisecond)
		}
	}
	return 0
}

package review_test

import (
	"testing"
	"time"

	"proxyfilter/filter/review"
)

func TestQuantilesAreRightToATwentieth(t *testing.T) {
	var s review.Spans
	if got := s.AtMost(0.5); got != 0 {
		t.Errorf("%v of nothing", got)
	}
	for i := 1; i <= 1000; i++ {
		s.Add(time.Duration(i) * 10 * time.Millisecond)
	}
	for part, want := range map[float64]time.Duration{0.5: 5 * time.Second, 0.95: 9500 * time.Millisecond, 1: 10 * time.Second} {
		if got := s.AtMost(part); got < want || got > want*105/100 {
			t.Errorf("%v within %v, want %v or up to a twentieth more", part, got, want)
		}
	}
	s.Add(1000 * time.Hour) // longer than any bucket
	s.Add(-time.Second)
}

package review_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"proxyfilter/filter/review"
)

func TestScoresAreCountedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s review.Scores
		n := rapid.IntRange(0, 50).Draw(t, "messages")
		limit := float64(rapid.IntRange(-600, 1100).Draw(t, "limit")) / 10
		above := 0
		for range n {
			score := float64(rapid.IntRange(-2000, 2000).Draw(t, "score")) / 10
			s.Add(score)
			if max(min(score, 100), -50) >= max(min(limit, 100), -50) {
				above++
			}
		}
		if got := s.From(limit); got != above || s.Total() != n {
			t.Fatalf("%d of %d from %v on, want %d of %d", got, s.Total(), limit, above, n)
		}
		if got := s.Between(-50, limit) + s.From(limit); got != n {
			t.Fatalf("%d of %d below and above %v", got, n, limit)
		}
	})
}

func TestAScoreOnTheLimitIsNotBelowIt(t *testing.T) {
	var s review.Scores
	s.Add(0.1 + 0.2 + 6.7) // a little more or less than 7, in binary
	s.Add(math.NaN())
	s.Add(math.Inf(1))
	if got := s.From(7); got != 2 {
		t.Errorf("%d from 7 on, want 2", got)
	}
}

func TestAtMostLeavesOutAShare(t *testing.T) {
	var s review.Scores
	for i := range 1000 {
		s.Add(float64(i%10) / 10)
	}
	s.Add(50)
	for except, want := range map[float64]float64{0: 50, 0.001: 0.9, 0.5: 0.5} {
		if got := s.AtMost(except); got != want {
			t.Errorf("all but %v: %v, want %v", except, got, want)
		}
	}
}

package review

import "math"

// The range of scores that are told apart, in tenths of a point, which is what spamd
// reports. What is outside counts as the nearest that is inside.
const (
	lowest  = -50 * 10
	highest = 100 * 10
)

// Scores counts messages by score, to a tenth of a point. The zero Scores is empty.
type Scores struct {
	counts [highest - lowest + 1]int
	total  int
}

// tenths is a score in whole tenths. It is rounded, since a sum of tenths in binary is
// a little beside.
func tenths(score float64) int {
	if math.IsNaN(score) {
		score = 0
	}
	return int(math.Round(min(max(score*10, lowest), highest)))
}

// Add counts one message.
func (s *Scores) Add(score float64) {
	s.counts[tenths(score)-lowest]++
	s.total++
}

// Total is how many messages there are.
func (s *Scores) Total() int { return s.total }

// Between counts the messages from one score on and below another.
func (s *Scores) Between(from, to float64) int {
	n := 0
	for i := tenths(from); i < tenths(to); i++ {
		n += s.counts[i-lowest]
	}
	return n
}

// From counts the messages that have a score or more.
func (s *Scores) From(score float64) int {
	return s.Between(score, float64(highest)/10) + s.counts[highest-lowest]
}

// AtMost is the lowest score that all but a share of the messages do not exceed: with
// 0.5 the median, with 0 the highest. It is 0 when there are none.
func (s *Scores) AtMost(except float64) float64 {
	left := int(except * float64(s.total))
	for i := len(s.counts) - 1; i >= 0; i-- {
		if left -= s.counts[i]; left < 0 {
			return float64(i+lowest) / 10
		}
	}
	return 0
}

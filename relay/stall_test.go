package relay

import (
	"testing"
	"time"
)

func TestOnlyTheLastStallsDelayTheEndOfData(t *testing.T) {
	const part = backlog / 8
	for _, test := range []struct {
		name   string
		writes []time.Duration // of a part each
		want   time.Duration
	}{
		{"none", nil, 0},
		{"all of a message that the sockets may hold", []time.Duration{1, 2, 3}, 6},
		{"up to that size", []time.Duration{1, 1, 1, 1, 1, 1, 1, 1}, 8},
		{"and up to twice that", []time.Duration{1, 1, 1, 1, 1, 1, 1, 1, 2, 2}, 12},
		{"but not what was read long ago", []time.Duration{100, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3}, 19},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s stall
			for _, took := range test.writes {
				s.add(part, took*time.Second)
			}
			if got := s.last(); got != test.want*time.Second {
				t.Errorf("%v, want %v", got, test.want*time.Second)
			}
		})
	}
}

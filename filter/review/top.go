package review

import (
	"cmp"
	"slices"
	"strings"
)

// Top finds the most frequent of keys that strangers choose, with a bounded number of
// counters (Metwally, Agrawal, El Abbadi: "Efficient computation of frequent and top-k
// elements in data streams", 2005). When all counters are taken, a new key gets the one
// with the lowest count, and begins where that was. So a count is never too low, and too
// high by at most Over. Until then counts are exact. The zero Top has no counters.
type Top struct {
	Counters int // the bound

	index map[string]int
	heap  []Ranked // the lowest count first
}

// Ranked is a key and its count.
type Ranked struct {
	Key     string `json:"key"`
	Count   int    `json:"count"`
	Over    int    `json:"over,omitempty"` // so much of Count may be that of other keys
	Refused int    `json:"refused"`        // of Count, at least
}

// maxKey bounds the memory of one key.
const maxKey = 256

// Add counts a key, and whether its message was refused, as 0 or 1.
func (t *Top) Add(key string, refused int) {
	if len(key) > maxKey {
		key = key[:maxKey]
	}
	i, known := t.index[key]
	switch {
	case known:
	case t.Counters <= 0:
		return
	case len(t.heap) < t.Counters:
		i = t.open(strings.Clone(key)) // a part of a larger text would keep all of it
	default:
		i = t.replace(strings.Clone(key))
	}
	t.heap[i].Count++
	t.heap[i].Refused += refused
	t.down(i)
}

func (t *Top) open(key string) int {
	if t.index == nil {
		t.index = map[string]int{}
	}
	t.heap = append(t.heap, Ranked{Key: key})
	i := len(t.heap) - 1
	t.index[key] = i
	for i > 0 && t.heap[i].Count < t.heap[(i-1)/2].Count {
		t.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	return i
}

// replace gives the counter with the lowest count to another key.
func (t *Top) replace(key string) int {
	delete(t.index, t.heap[0].Key)
	n := t.heap[0].Count
	t.heap[0] = Ranked{Key: key, Count: n, Over: n}
	t.index[key] = 0
	return 0
}

// down moves a counter that has grown to its place.
func (t *Top) down(i int) {
	for {
		least := i
		for _, child := range []int{2*i + 1, 2*i + 2} {
			if child < len(t.heap) && t.heap[child].Count < t.heap[least].Count {
				least = child
			}
		}
		if least == i {
			return
		}
		t.swap(i, least)
		i = least
	}
}

func (t *Top) swap(i, j int) {
	t.heap[i], t.heap[j] = t.heap[j], t.heap[i]
	t.index[t.heap[i].Key], t.index[t.heap[j].Key] = i, j
}

// First are the n most frequent keys, the most frequent first.
func (t *Top) First(n int) []Ranked {
	all := slices.Clone(t.heap)
	slices.SortFunc(all, func(a, b Ranked) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Key, b.Key)) })
	return all[:min(n, len(all))]
}

package review_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"proxyfilter/filter/review"
)

func TestACountIsNeverTooLowAndTooHighByAtMostOver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		top := review.Top{Counters: rapid.IntRange(1, 8).Draw(t, "counters")}
		exact, refused := map[string]int{}, map[string]int{}
		for range rapid.IntRange(0, 200).Draw(t, "keys") {
			key := fmt.Sprint(rapid.IntRange(0, 15).Draw(t, "key"))
			no := rapid.IntRange(0, 1).Draw(t, "refused")
			exact[key]++
			refused[key] += no
			top.Add(key, no)
		}
		all := top.First(100)
		if len(all) > top.Counters || len(exact) <= top.Counters && len(all) != len(exact) {
			t.Fatalf("%d counters, %d keys, %d in use", top.Counters, len(exact), len(all))
		}
		for i, r := range all {
			switch n := exact[r.Key]; {
			case r.Count < n, r.Count-r.Over > n:
				t.Fatalf("%q was counted %d times, over %d; it came %d times", r.Key, r.Count, r.Over, n)
			case len(exact) <= top.Counters && r.Over != 0:
				t.Fatalf("%q may be wrong by %d with a counter for everybody", r.Key, r.Over)
			case r.Refused > refused[r.Key]:
				t.Fatalf("%q was refused %d times, not %d", r.Key, refused[r.Key], r.Refused)
			case i > 0 && all[i-1].Count < r.Count:
				t.Fatalf("not in order: %+v", all)
			}
		}
	})
}

func TestWhatIsFrequentIsFoundAmongManyThatAreNot(t *testing.T) {
	top := review.Top{Counters: 100}
	for i := range 100_000 {
		top.Add(fmt.Sprint("stranger", i), 0)
		if i%50 == 0 {
			top.Add("frequent", 1)
		}
	}
	if first := top.First(1)[0]; first.Key != "frequent" || first.Count < 2000 || len(top.First(1000)) != 100 {
		t.Errorf("got %+v of %d counters", first, len(top.First(1000)))
	}
}

func TestALongKeyIsCut(t *testing.T) {
	top := review.Top{Counters: 1}
	top.Add(strings.Repeat("x", 100_000), 0)
	if got := len(top.First(1)[0].Key); got != 256 {
		t.Errorf("%d bytes", got)
	}
}

func TestTheZeroTopCountsNothing(t *testing.T) {
	var top review.Top
	top.Add("x", 1)
	if got := top.First(1); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

package main

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestTheHeapIsCollectedWhenItHoldsSoMuchOrHasGrownByHalf(t *testing.T) {
	for _, test := range []struct {
		name         string
		heap         heap
		atLeast, max uint64 // bytes at which it is collected
	}{
		{"nothing at all", heap{}, 29 << 20, 31 << 20},
		{"little is going on", heap{3 << 20, 1 << 20}, 29 << 20, 31 << 20},
		{"a thousand messages wait", heap{20 << 20, 8 << 20}, 29 << 20, 32 << 20},
		{"it is fuller than that", heap{40 << 20, 10 << 20}, 56 << 20, 61 << 20},
		{"it is huge", heap{1 << 40, 1 << 30}, 1 << 40, 2 << 40},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := growth(test.heap)
			grown := test.heap.alive + (test.heap.alive+test.heap.roots)*uint64(g)/100
			goal := max(grown, uint64(4<<20*g/100)) // Go's mgcpacer.go, heapMinimum and commit
			if goal < test.atLeast || goal > test.max {
				t.Errorf("%d %%: collected at %d", g, goal)
			}
		})
	}
}

func TestTheCollectorFollowsTheHeap(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	runtime.GC() // what other tests have left
	c := newCollector(nil)
	empty := c.now.Load()
	held := make([]byte, 64<<20)
	for c.now.Load() >= empty && !t.Failed() {
		runtime.GC() // its finalizers run some time after it
		runtime.Gosched()
	}
	c.stop()
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("%d %% is left behind", got)
	}
	runtime.KeepAlive(held) // a collection without it would set another percentage meanwhile
	for _, set := range []string{"GOGC=150", "GOMEMLIMIT=50MiB"} {
		newCollector([]string{set})
		if got := debug.SetGCPercent(100); got != 100 {
			t.Errorf("%d %% in spite of %s", got, set)
		}
	}
}

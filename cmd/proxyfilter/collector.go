package main

import (
	"runtime"
	"runtime/debug"
	gauges "runtime/metrics"
	"sync/atomic"
)

// The garbage collector runs when the heap has grown by a percentage of what is alive.
// Ours is 3 MB when little is going on, so with any usual percentage it would run thirty
// times a second under load, and with one that suits 3 MB a thousand waiting messages
// would cost hundreds. So the percentage follows the heap: it is collected when it holds
// heapRoom, or has grown by leastGrowth.
const (
	heapRoom    = 30 << 20
	leastGrowth = 40                         // percent
	mostGrowth  = heapRoom * 100 / (4 << 20) // the runtime never collects below 4 MB × GOGC / 100
)

// collector sets the percentage after each collection.
type collector struct {
	before  int // what it was
	now     atomic.Int64
	stopped atomic.Bool
}

// newCollector starts it. Who has set GOGC or GOMEMLIMIT gets what was asked for, and a
// collector that does nothing.
func newCollector(environ []string) *collector {
	c := &collector{}
	if chosen(environ, "GOGC=") || chosen(environ, "GOMEMLIMIT=") {
		c.stopped.Store(true)
		return c
	}
	c.now.Store(int64(growth(measureHeap())))
	c.before = debug.SetGCPercent(int(c.now.Load()))
	c.await()
	return c
}

// stop gives the percentage back.
func (c *collector) stop() {
	if !c.stopped.Swap(true) {
		debug.SetGCPercent(c.before)
	}
}

// cycle is garbage from the beginning: the next collection finalizes it.
type cycle struct{ of *collector }

// await is the only way to hear of a collection without asking for one.
func (c *collector) await() {
	runtime.SetFinalizer(&cycle{c}, func(end *cycle) { end.of.collected() })
}

// collected follows the heap. To set a percentage stops all goroutines for a moment, so
// small changes are let be.
func (c *collector) collected() {
	if c.stopped.Load() {
		return
	}
	if next, now := growth(measureHeap()), int(c.now.Load()); next < now*9/10 || next > now*11/10 {
		debug.SetGCPercent(next)
		c.now.Store(int64(next))
		if c.stopped.Load() { // meanwhile
			debug.SetGCPercent(c.before)
		}
	}
	c.await()
}

// heap is what the percentage is of: runtime/metrics, /gc/heap/goal.
type heap struct {
	alive uint64 // bytes
	roots uint64 // bytes of stacks and globals, which the runtime adds to those alive
}

func measureHeap() heap {
	s := []gauges.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	gauges.Read(s)
	size := func(s gauges.Sample) uint64 {
		if s.Value.Kind() != gauges.KindUint64 {
			return 0
		}
		return s.Value.Uint64()
	}
	return heap{alive: size(s[0]), roots: size(s[1]) + size(s[2])}
}

// growth is the percentage that lets a heap grow to heapRoom.
func growth(h heap) int {
	if h.alive >= heapRoom {
		return leastGrowth
	}
	return min(mostGrowth, max(leastGrowth, int((heapRoom-h.alive)*100/max(1, h.alive+h.roots))))
}

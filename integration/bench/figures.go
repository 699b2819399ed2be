package main

import (
	"math"
	"slices"
)

// percentile takes sorted values; 0 of none.
func percentile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[min(max(at, 0), len(sorted)-1)]
}

// spread is the median of several runs with their extremes: on a shared
// machine a median without its range says nothing.
type spread struct{ Median, Min, Max float64 }

// spreadOf gives zeros of no values.
func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + median) / 2
	}
	return spread{median, sorted[0], sorted[len(sorted)-1]}
}

// each applies f to every pair.
func each(pairs []pair, f func(pair) float64) []float64 {
	values := make([]float64, 0, len(pairs))
	for _, p := range pairs {
		values = append(values, f(p))
	}
	return values
}

// pair is one run straight to the sink and one through proxyfilter, next to
// each other in time.
type pair struct{ direct, through sample }

// sample is one run that counted.
type sample struct {
	result
	cpu float64 // milliseconds of proxyfilter's CPU time a message
	pss float64 // its peak in MiB
}

// row is what several pairs at one number of sessions say.
type row struct {
	Scanner   string // "spamd" or "none"
	Sessions  int
	Direct    spread // messages a second
	Through   spread
	Ratio     spread // of the pairs
	DirectP50 spread // milliseconds
	P50       spread
	P99       spread
	Added     spread // p50 through less p50 direct, of the pairs, in milliseconds
	CPU       spread // milliseconds a message
	PSS       float64
	Err       string `json:",omitempty"` // why the row does not count
}

// rowOf sums up.
func rowOf(scanner string, sessions int, pairs []pair) row {
	return row{
		Scanner:   scanner,
		Sessions:  sessions,
		Direct:    spreadOf(each(pairs, func(p pair) float64 { return p.direct.rate() })),
		Through:   spreadOf(each(pairs, func(p pair) float64 { return p.through.rate() })),
		Ratio:     spreadOf(each(pairs, func(p pair) float64 { return p.through.rate() / p.direct.rate() })),
		DirectP50: spreadOf(each(pairs, func(p pair) float64 { return p.direct.P50 })),
		P50:       spreadOf(each(pairs, func(p pair) float64 { return p.through.P50 })),
		P99:       spreadOf(each(pairs, func(p pair) float64 { return p.through.P99 })),
		Added:     spreadOf(each(pairs, func(p pair) float64 { return p.through.P50 - p.direct.P50 })),
		CPU:       spreadOf(each(pairs, func(p pair) float64 { return p.through.cpu })),
		PSS:       spreadOf(each(pairs, func(p pair) float64 { return p.through.pss })).Max,
	}
}

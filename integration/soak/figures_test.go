package main

import (
	"strings"
	"testing"
	"time"

	"proxyfilter/filter/spamd/spamdtest"
)

func second(n float64) time.Time { return time.Unix(0, int64(n*float64(time.Second))) }

func TestUsedIsThePartOfTheSlots(t *testing.T) {
	for _, test := range []struct {
		name  string
		scans []scan
		want  float64
	}{
		{"nothing", nil, 0},
		{"one of two slots all the time", []scan{{begin: second(10), end: second(20)}}, 0.5},
		{"what lies outside does not count", []scan{{begin: second(0), end: second(15)}, {begin: second(15), end: second(99)}}, 0.5},
		{"both slots, with a pause", []scan{{begin: second(10), end: second(14)}, {begin: second(15), end: second(20)}, {begin: second(10), end: second(20)}}, 0.95},
		{"before and after", []scan{{begin: second(1), end: second(2)}, {begin: second(30), end: second(31)}}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := used(test.scans, 2, second(10), second(20)); got < test.want-1e-9 || got > test.want+1e-9 {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestThirdsAreMedians(t *testing.T) {
	var all []sample
	for _, m := range []float64{1, 2, 90, 5, 5, 5, 7, 0, 8} {
		all = append(all, sample{memory: m})
	}
	first, last := thirds(all, func(s sample) float64 { return s.memory })
	if first != 2 || last != 7 {
		t.Errorf("got %v and %v, want 2 and 7", first, last)
	}
	if first, last = thirds(nil, nil); first != 0 || last != 0 {
		t.Errorf("of nothing: %v and %v", first, last)
	}
}

func TestTheStandInKeepsAccount(t *testing.T) {
	s := newStandIn(2, time.Millisecond)
	s.takes(time.Millisecond, time.Microsecond)
	s.choose(spamdtest.Request{Command: "PING"})
	s.choose(spamdtest.Request{Command: "REPORT", Body: []byte("Subject: x\r\nMessage-ID: <1.x@example.org>\r\n\r\n")})
	scans, most := s.ended()
	if len(scans) != 1 || most != 1 || scans[0].id != "1.x@example.org" || scans[0].end.Sub(scans[0].begin) < time.Millisecond {
		t.Errorf("got %+v, %d", scans, most)
	}
}

func TestUsage(t *testing.T) {
	for name, args := range map[string][]string{
		"an unknown flag is a usage error": {"-hard"},
		"no time is no plan":               {"-minutes", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := command(args, &strings.Builder{}, t.Output()); got != 2 {
				t.Errorf("got exit %d, want 2", got)
			}
		})
	}
}

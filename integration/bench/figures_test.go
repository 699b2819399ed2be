package main

import (
	"strings"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		name   string
		values []float64
		want   spread
	}{
		{"of nothing is zero", nil, spread{}},
		{"of an odd number has its middle", []float64{3, 1, 2}, spread{2, 1, 3}},
		{"of an even number lies between", []float64{4, 1, 2, 3}, spread{2.5, 1, 4}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := spreadOf(test.values); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestPercentile(t *testing.T) {
	values := make([]float64, 100)
	for i := range values {
		values[i] = float64(i + 1)
	}
	for q, want := range map[float64]float64{0: 1, 0.5: 50, 0.99: 99, 1: 100} {
		if got := percentile(values, q); got != want {
			t.Errorf("%.2f: got %v, want %v", q, got, want)
		}
	}
	if got := percentile(nil, 0.5); got != 0 {
		t.Errorf("of nothing: got %v", got)
	}
}

func TestTheRatioIsTakenWithinAPair(t *testing.T) {
	at := func(rate float64) sample { return sample{result: result{Accepted: 100, Seconds: 100 / rate}} }
	pairs := []pair{{at(1000), at(500)}, {at(100), at(40)}, {at(400), at(240)}}
	got := rowOf(scannerSpamd, 10, pairs).Ratio
	if got.Median < 0.499 || got.Median > 0.501 || got.Min < 0.399 || got.Max > 0.601 {
		t.Errorf("got %+v", got)
	}
}

func TestMisses(t *testing.T) {
	median := func(v float64) spread { return spread{Median: v} }
	for _, test := range []struct {
		name string
		row  row
		want string
	}{
		{"goals reached exactly are reached", row{Scanner: scannerSpamd, Sessions: 10, Ratio: median(0.4), CPU: median(0.6)}, ""},
		{"without a scanner the ratio must be higher", row{Scanner: scannerNone, Sessions: 10, Ratio: median(0.59), CPU: median(0.1)}, "ratio 0.59, goal 0.60"},
		{"too much CPU is a miss", row{Scanner: scannerSpamd, Sessions: 200, Ratio: median(1), CPU: median(0.61)}, "cpu 0.61, goal 0.60"},
		{"at one session only latency counts", row{Scanner: scannerSpamd, Sessions: 1, Ratio: median(0.1), CPU: median(2), Added: median(1.51)}, "added p50 1.51, goal 1.50"},
		{"a row that does not count says why", row{Err: "lost one"}, "lost one"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := strings.Join(test.row.misses(), "; "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestReadStat(t *testing.T) {
	stat := "42 (a (strange) name) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 9 0 1"
	if got, err := readStat([]byte(stat)); err != nil || got != 1750*time.Millisecond {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := readStat([]byte("42 (x) S 1")); err == nil {
		t.Error("a short line was believed")
	}
}

func TestReadRollup(t *testing.T) {
	rollup := "00400000-7ffd [rollup]\nRss:   9000 kB\nPss:   5120 kB\nPss_Dirty: 1 kB\n"
	if got := readRollup([]byte(rollup)); got != 5 {
		t.Errorf("got %v MiB, want 5", got)
	}
	if got := readRollup(nil); got != 0 {
		t.Errorf("of nothing: got %v", got)
	}
}

func TestTotal(t *testing.T) {
	page := "# HELP a_total x\n# TYPE a_total counter\na_total{x=\"1\"} 3\na_total{x=\"2\"} 4e+00\na_total_more 9\n"
	if got := total(page, "a_total"); got != 7 {
		t.Errorf("got %d, want 7", got)
	}
}

func TestReadReply(t *testing.T) {
	for _, test := range []struct {
		name, in string
		code     int
		whole    bool
	}{
		{"one line", "250 Ok\r\n", 250, true},
		{"several lines", "250-a\r\n250 b\r\n", 250, true},
		{"a line that goes on", "250-a\r\n", 0, false},
		{"half a line", "250 O", 0, false},
		{"nothing", "", 0, false},
		{"no reply at all", "hello\r\n", 0, true},
		{"a line that is too short", "25\r\n", 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if code, whole := readReply([]byte(test.in)); code != test.code || whole != test.whole {
				t.Errorf("got %d, %t, want %d, %t", code, whole, test.code, test.whole)
			}
		})
	}
}

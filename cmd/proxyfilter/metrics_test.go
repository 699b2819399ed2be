package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/rs/zerolog"

	"proxyfilter/filter"
	"proxyfilter/filter/journal"
	"proxyfilter/filter/review"
)

// someMetrics watch a process that does something.
func someMetrics() *metrics {
	m := newMetrics(build{Version: "1.2.3", Go: "go1"}, "spamd")
	m.watch(state{
		conversations: func() int { return 7 },
		spool:         func() (ram, disk int64) { return 100, 200 },
		slots:         func() []slots { return []slots{{"spamd", "127.0.0.1:783", map[string]int{"busy": 1, "free": 3}}} },
		waiting:       func() int { return 5 },
		suspended: []func() filter.Suspension{func() filter.Suspension {
			return filter.Suspension{By: filter.PanicName, Instead: filter.Tag}
		}},
		health: func() []review.Sign {
			return []review.Sign{{Symptom: review.Blocked, Colour: review.Red}, {Symptom: review.NoBayes, Colour: review.Yellow}}
		},
		guard:       func() guarding { return guarding{} },
		lostLines:   func() int64 { return 2 },
		lostRecords: func() map[string]int64 { return map[string]int64{"queue": 4} },
		storeErrors: func() int64 { return 3 },
	})
	return m
}

// someRecords are a refusal, a message that was carried, one that nobody could
// scan, and a recipient that the next hop did not want yet.
func someRecords() []filter.Record {
	carried := aRecord()
	carried.Verdict.Action, carried.Verdict.Reason = filter.Accept, filter.Clean
	carried.Reply, carried.QueueID = "250 2.0.0 Ok: queued as 4ABC", "4ABC"
	carried.Anomalies = filter.Anomalies{BareLF: 3}

	blind := aRecord()
	blind.Verdict.Action, blind.Verdict.Reason = filter.Defer, filter.Unscanned
	blind.Verdict.Findings = []filter.Finding{{Source: "a stranger's", Cause: filter.CauseTimeout, Took: time.Second}}

	recipient := filter.Record{Recipient: "c@d", Reply: "450 4.1.1 wait"}
	recipient.Verdict.Action, recipient.Verdict.Reason = filter.Defer, filter.HopRefused
	return []filter.Record{aRecord(), carried, blind, recipient}
}

func TestRecordsAreCounted(t *testing.T) {
	m := someMetrics()
	for _, r := range someRecords() {
		r.Time = time.Unix(1.7959392e9, 0)
		m.count(&r)
	}
	got := scrape(t, m)
	for _, want := range []string{
		`anomalies_total{kind="bare_cr"} 0`,
		`anomalies_total{kind="bare_lf"} 3`,
		`conversations 7`,
		`hop_replies_total{class="2xx"} 1`,
		`hop_replies_total{class="4xx"} 1`,
		`journal_lost_total{cause="queue"} 4`,
		`last_message_timestamp_seconds 1.7959392e+09`,
		`log_lines_lost_total 2`,
		`messages_total{action="accept",reason="clean"} 1`,
		`messages_total{action="defer",reason="hop-refused"} 1`,
		`messages_total{action="defer",reason="unscanned"} 1`,
		`messages_total{action="reject",reason="score"} 1`,
		`score_count 2`,
		`score_health{symptom="blocked"} 2`,
		`score_health{symptom="no-bayes"} 1`,
		`score_health{symptom="no-network"} 0`,
		`seconds_count{stage="committed"} 1`,
		`seconds_count{stage="received"} 3`,
		`seconds_count{stage="scanned"} 3`,
		`slots{server="127.0.0.1:783",state="busy"} 1`,
		`store_errors_total 3`,
		`slots{server="127.0.0.1:783",state="free"} 3`,
		`source_errors_total{cause="timeout",source="other"} 1`,
		`source_seconds_count{source="other"} 1`,
		`source_seconds_count{source="spamd"} 2`,
		`spool_bytes{where="disk"} 200`,
		`spool_bytes{where="ram"} 100`,
		`waiting 5`,
	} {
		if !strings.Contains(got, "\nproxyfilter_"+want+"\n") {
			t.Errorf("missing: %s", want)
		}
	}
	if strings.Contains(got, "stranger") {
		t.Error("a name from outside became a label")
	}
}

// scrape is what Prometheus would read.
func scrape(t *testing.T, m *metrics) string {
	t.Helper()
	answer := httptest.NewRecorder()
	web{metrics: m}.handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if answer.Code != http.StatusOK {
		t.Fatal(answer.Code, answer.Body)
	}
	return answer.Body.String()
}

func TestMetricsAreAsPrometheusWantsThem(t *testing.T) {
	m := someMetrics()
	m.configured("abc")
	r := aRecord()
	m.count(&r)
	problems, err := promlint.New(strings.NewReader(scrape(t, m))).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// What an administrator can read about a figure is the help of the figure.
func TestReadmeListsTheMetrics(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	m := someMetrics()
	m.configured("abc")
	for _, r := range someRecords() {
		m.count(&r)
	}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, f := range families {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		name := f.GetName()
		if len(labels) > 0 {
			name += "{" + strings.Join(labels, ",") + "}"
		}
		if strings.HasPrefix(name, namespace) {
			want = append(want, fmt.Sprintf("| `%s` | %s |\n", name, f.GetHelp()))
		}
	}
	var got []string
	for line := range strings.Lines(string(readme)) {
		if strings.HasPrefix(line, "| `"+namespace+"_") {
			got = append(got, line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table of metrics in README.md (-want +got):\n%s\nit should be\n%s", diff, strings.Join(want, ""))
	}
}

func TestRefusedReloadShows(t *testing.T) {
	m := someMetrics()
	m.configured("abc")
	m.configured("def")
	m.notConfigured()
	got := scrape(t, m)
	for _, want := range []string{`config_info{fingerprint="def"} 1`, "config_last_reload_successful 0"} {
		if !strings.Contains(got, "\nproxyfilter_"+want+"\n") {
			t.Errorf("missing: %s", want)
		}
	}
	if strings.Contains(got, `"abc"`) {
		t.Error("the old fingerprint is still there")
	}
}

// observers is a daemon with all observers and nothing else.
func observers(tb testing.TB) *daemon {
	d := &daemon{metrics: someMetrics(), lines: newLineQueue(io.Discard, queueLength)}
	d.log = newLog(logConfig{Level: "info", Format: "postfix"}, d.lines, prefix{tag: "proxyfilter[1]: "})
	guard := defaultGuard()
	guard.Mode = "enforce"
	d.guard.follow(guard)
	var err error
	if d.journal, err = journal.Open(journal.Config{Dir: filepath.Join(tb.TempDir(), "journal")}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		d.lines.Close(time.Minute)
		d.journal.Close(time.Minute)
	})
	return d
}

func TestObserversTakeFewAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes allocations of its own")
	}
	d, r := observers(t), aRecord()
	if n := testing.AllocsPerRun(1000, func() { d.record(r) }); n > 60 {
		t.Errorf("%.0f allocations a Record, want at most 60", n)
	}
}

func TestPanicOfAnObserverCostsNothingButTheRecord(t *testing.T) {
	d := observers(t)
	d.metrics = nil
	var b strings.Builder
	d.log = zerolog.New(&b)
	d.record(aRecord())
	if !strings.Contains(b.String(), "a record was lost") {
		t.Error(b.String())
	}
}

func BenchmarkObservers(b *testing.B) {
	d, r := observers(b), aRecord()
	b.ReportAllocs()
	for b.Loop() {
		d.record(r)
	}
	if each := b.Elapsed() / time.Duration(b.N); b.N > 1000 && each > 40*time.Microsecond {
		b.Errorf("%v a Record, want at most 40µs", each)
	}
}

package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics counts Records. The registry is its own: what another package puts
// into the default one is none of an administrator's business.
//
// Labels come from closed sets. An address or a rule's name as a label would
// let strangers fill the memory of the monitoring.
type metrics struct {
	registry *prometheus.Registry

	messages     *prometheus.CounterVec
	stages       [4]prometheus.Observer
	sources      *prometheus.HistogramVec
	sourceErrors *prometheus.CounterVec
	score        prometheus.Histogram
	anomalies    [5]prometheus.Counter
	hopReplies   *prometheus.CounterVec
	configInfo   *prometheus.GaugeVec
	lastMessage  prometheus.Gauge
	reloadOK     prometheus.Gauge
	reloadTime   prometheus.Gauge

	known map[string]bool // names of sources
}

// The buckets of times, in seconds: below the first lies a fast scan, above the
// last smtpd_proxy_timeout.
func secondsBuckets() []float64 {
	return []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 45, 60, 100}
}

// scoreBuckets surround the usual thresholds of 5 and 10.
func scoreBuckets() []float64 {
	return []float64{-10, -5, -2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 30, 50}
}

// newMetrics registers everything. sources are the names of the scanners.
func newMetrics(b build, sources ...string) *metrics {
	m := &metrics{registry: prometheus.NewRegistry(), known: map[string]bool{}}
	for _, s := range sources {
		m.known[s] = true
	}
	m.messages = m.counters("messages_total", "Outcomes, by action and reason.", "action", "reason")
	m.sourceErrors = m.counters("source_errors_total", "Messages that a source could not answer for, by cause.", "source", "cause")
	m.hopReplies = m.counters("hop_replies_total", "Replies of the next hop that decided an outcome, by class.", "class")
	kinds := m.counters("anomalies_total", "Odd line ends and bytes in content, by kind.", "kind")
	for i, a := range anomalies(nil) {
		m.anomalies[i] = kinds.WithLabelValues(a.kind)
	}
	m.lastMessage = m.gauges("last_message_timestamp_seconds", "When the last outcome was; 0 before the first one.").WithLabelValues()
	stages := m.histograms("seconds", "Time that messages spent in each stage.", "stage")
	for i, s := range []string{"received", "waited", "scanned", "committed"} {
		m.stages[i] = stages.WithLabelValues(s)
	}
	m.sources = m.histograms("source_seconds", "Time that each source took, waiting included.", "source")
	m.score = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "score", Help: "Scores of scanned messages.", Buckets: scoreBuckets(),
	})
	m.registry.MustRegister(m.score, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.about(b)
	return m
}

const namespace = "proxyfilter"

func (m *metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *metrics) histograms(name, help string, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: name, Help: help, Buckets: secondsBuckets(),
	}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *metrics) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

// about registers what the process is, and which configuration it has.
func (m *metrics) about(b build) {
	m.gauges("build_info", "Always 1; the labels say which program runs.", "version", "revision", "goversion").
		WithLabelValues(b.Version, b.Revision, b.Go).Set(1)
	m.configInfo = m.gauges("config_info", "Always 1; hosts with the same fingerprint filter alike.", "fingerprint")
	m.reloadOK = m.gauges("config_last_reload_successful", "1 when the last configuration that was read is in force.").WithLabelValues()
	m.reloadTime = m.gauges("config_last_reload_success_timestamp_seconds", "When the configuration in force was read.").WithLabelValues()
}

// configured notes a configuration that is now in force.
func (m *metrics) configured(fingerprint string) {
	m.configInfo.Reset()
	m.configInfo.WithLabelValues(fingerprint).Set(1)
	m.reloadOK.Set(1)
	m.reloadTime.SetToCurrentTime()
}

// notConfigured notes a configuration that was refused.
func (m *metrics) notConfigured() { m.reloadOK.Set(0) }

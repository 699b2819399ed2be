package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"proxyfilter/filter"
	"proxyfilter/filter/review"
)

// state is what is asked for at every scrape. Its functions must be quick.
type state struct {
	conversations func() int
	spool         func() (ram, disk int64)
	slots         func() []slots
	waiting       func() int
	suspended     []func() filter.Suspension
	health        func() []review.Sign
	guard         func() guarding
	lostLines     func() int64
	lostRecords   func() map[string]int64 // by cause: a closed set of words
	storeErrors   func() int64
}

// slots are the scan slots of one server.
type slots struct {
	source string // the scanner's name
	server string
	counts map[string]int // by state: a closed set of words
}

// stateCollector turns state into metrics.
type stateCollector struct {
	state
	conversations, spool, slots, waiting, suspended, health, guardState, guardSenders, lost, lostRecords, storeErrors *prometheus.Desc
}

// watch adds what the running parts know of themselves.
func (m *metrics) watch(s state) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
	}
	m.registry.MustRegister(&stateCollector{
		state:         s,
		conversations: desc("conversations", "Conversations with Postfix now."),
		spool:         desc("spool_bytes", "Bytes of messages held now, by where.", "where"),
		slots:         desc("slots", "Scan slots of each server, by state.", "server", "state"),
		waiting:       desc("waiting", "Messages in line for a scan slot."),
		suspended:     desc("refusals_suspended", "1 while refusals are suspended; by says whose word that is, instead what is done.", "by", "instead"),
		health:        desc("score_health", "2 (red) while what the symptom names makes scores too wrong to refuse mail for them, 1 (yellow) while somebody should look, else 0.", "symptom"),
		guardState:    desc("guard_state", "1 for what the guard is doing: off, learning, watching, or alarm.", "state"),
		guardSenders:  desc("guard_senders", "Senders known to be good with mail in the guard's window: all, and those whose latest message is refused.", "which"),
		lost:          desc("log_lines_lost_total", "Lines that the log did not take in time."),
		lostRecords:   desc("journal_lost_total", "Records that are not in the journal, by cause.", "cause"),
		storeErrors:   desc("store_errors_total", "Uses of the store that failed or took too long; what they were about is forgotten at a restart."),
	})
}

// Describe implements prometheus.Collector.
func (c *stateCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.conversations, c.spool, c.slots, c.waiting, c.suspended, c.health, c.guardState, c.guardSenders, c.lost, c.lostRecords, c.storeErrors} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *stateCollector) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	ram, disk := c.state.spool()
	gauge(c.spool, float64(ram), "ram")
	gauge(c.spool, float64(disk), "disk")
	gauge(c.waiting, float64(c.state.waiting()))
	for _, suspended := range c.state.suspended {
		s := suspended()
		for _, instead := range []filter.Action{filter.Defer, filter.Tag} {
			lasts := 0.0
			if s.Instead == instead {
				lasts = 1
			}
			gauge(c.suspended, lasts, s.By, instead.String())
		}
	}
	c.signs(gauge)
	c.guarding(gauge)
	gauge(c.conversations, float64(c.state.conversations()))
	to <- prometheus.MustNewConstMetric(c.lost, prometheus.CounterValue, float64(c.lostLines()))
	to <- prometheus.MustNewConstMetric(c.storeErrors, prometheus.CounterValue, float64(c.state.storeErrors()))
	for cause, n := range c.state.lostRecords() {
		to <- prometheus.MustNewConstMetric(c.lostRecords, prometheus.CounterValue, float64(n), cause)
	}
	for _, s := range c.state.slots() {
		for word, n := range s.counts {
			gauge(c.slots, float64(n), s.server, word)
		}
	}
}

// signs has a figure for each symptom, whether it is there or not.
func (c *stateCollector) signs(gauge func(*prometheus.Desc, float64, ...string)) {
	now := map[review.Symptom]review.Colour{}
	for _, s := range c.state.health() {
		now[s.Symptom] = s.Colour
	}
	for _, symptom := range review.Symptoms() {
		gauge(c.health, float64(now[symptom]), string(symptom))
	}
}

func (c *stateCollector) guarding(gauge func(*prometheus.Desc, float64, ...string)) {
	now := c.state.guard()
	for _, word := range guardStates() {
		is := 0.0
		if word == now.state() {
			is = 1
		}
		gauge(c.guardState, is, word)
	}
	gauge(c.guardSenders, float64(now.sight.Seen), "all")
	gauge(c.guardSenders, float64(now.sight.Refused), "refused")
}

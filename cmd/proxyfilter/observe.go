package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/clamd"
	"proxyfilter/filter/spamd"
	"proxyfilter/relay"
)

// judge is the one in force. The relay asks once per message.
func (d *daemon) judge() relay.Judge {
	return d.current.Load().judge
}

// install puts a judgement in force. While refusals are suspended it refuses nothing, and
// exceptions hold under each.
func (d *daemon) install(j *judgement) {
	j.judge.Suspended, j.judge.Exceptions = d.suspended, d.exceptions.known
	d.current.Store(j)
}

// suspensions are those who may suspend refusals; the first one goes before the others.
func (d *daemon) suspensions() []func() filter.Suspension {
	return []func() filter.Suspension{d.panic.suspended, d.guard.suspended, d.health.suspended}
}

// suspended is the word that counts at present.
func (d *daemon) suspended() (s filter.Suspension) {
	for _, ask := range d.suspending {
		if s = ask(); s.Lasts() {
			break
		}
	}
	return s
}

// observe starts the metrics and the pages.
func (d *daemon) observe(p pages) {
	d.pages = p
	p.remark(d.log)
	d.metrics = newMetrics(d.build, (*spamd.Scanner)(nil).Name(), (*clamd.Scanner)(nil).Name(), filter.ListsName, filter.ExceptionsName, filter.PolicyMapName, filter.PanicName, filter.GuardName, filter.HealthName)
	d.metrics.configured(d.config.fingerprint())
	d.metrics.watch(state{
		conversations: d.server.Conversations,
		spool:         d.server.Spool.Used,
		slots:         func() []slots { return d.current.Load().slots() },
		suspended:     d.suspending,
		health:        d.health.signs,
		guard:         d.guard.latest,
		waiting:       func() int { return d.current.Load().waiting() },
		lostLines:     d.lines.lost.Load,
		lostRecords:   d.journalLosses,
		storeErrors:   d.server.StoreFailures,
	})
	w := web{metrics: d.metrics, ready: d.ready, log: d.log}
	if p.metrics != nil {
		d.webs = append(d.webs, w.serve(p.metrics))
	}
	w.summary = d.summary
	if p.details != nil {
		w.page = d.page(p, true)
		d.webs = append(d.webs, w.serve(p.details))
	}
	if p.status != nil {
		w.page, w.profile = d.page(p, false), d.config.Status.Pprof
		d.webs = append(d.webs, w.serve(p.status))
	}
}

// page is the status page, at the listener for details or at the other one.
func (d *daemon) page(p pages, open bool) *page {
	one := &page{
		now: d.now, latest: d.ring.Latest, open: open, token: p.token, places: make(chan struct{}, lookups),
	}
	if p.details != nil {
		one.elsewhere = d.config.Status.Details.place()
	}
	if d.journal != nil {
		one.archive = d.config.Journal.Dir
	}
	return one
}

// summary is the page for a human: how many, how long, how full.
func (d *daemon) summary(to io.Writer) {
	fmt.Fprintf(to, "proxyfilter %s, up %s\n\n", d.build.Version, time.Since(d.started).Round(time.Second))
	d.printEmergencies(to)
	for _, s := range d.health.signs() {
		fmt.Fprintf(to, "SCORE HEALTH is %s since %s: %s\n\n", s.Colour, s.Since.Local().Format(time.DateTime), visible(s.Text))
	}
	ram, disk := d.server.Spool.Used()
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintf(table, "conversations\t%d\nwaiting for a scanner\t%d\nspool\t%s in RAM, %s on disk\n",
		d.server.Conversations(), d.current.Load().waiting(), formatSize(ram), formatSize(disk))
	for _, s := range d.current.Load().slots() {
		var counts []string
		for _, word := range slices.Sorted(maps.Keys(s.counts)) {
			counts = append(counts, fmt.Sprintf("%s %d", word, s.counts[word]))
		}
		fmt.Fprintf(table, "%s %s\t%s\n", s.source, s.server, strings.Join(counts, ", "))
	}
	families, err := d.metrics.registry.Gather()
	if err != nil {
		return
	}
	for _, f := range families {
		if f.GetName() != namespace+"_messages_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			fmt.Fprintf(table, "%s\t%.0f\n", strings.Join(labels, ", "), m.GetCounter().GetValue())
		}
	}
}

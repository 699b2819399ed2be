package main

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"proxyfilter/cmd/proxyfilter/status"
	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
)

// now is what the status page shows, from what is known anyway.
func (d *daemon) now() status.Now {
	j := d.current.Load()
	p := j.judge.Policies.Default
	ram, disk := d.server.Spool.Used()
	at := time.Now()
	n := status.Now{
		Host: d.server.Hostname, Version: d.build.Version, Mode: modeWord(p.Mode), At: at, Started: d.started,
		Conversations: d.server.Conversations(), Waiting: j.waiting(), RAM: formatSize(ram), Disk: formatSize(disk),
		TagAt: "the limit that spamd says", Servers: j.health(), Health: d.health.shown(),
	}
	n.Emergencies = d.emergencies()
	if err := d.ready(); err != nil {
		n.NotReady = err.Error()
	}
	for _, span := range []int{1, 10, 59} {
		n.Rates = append(n.Rates, d.ring.Rates(at, span))
	}
	if p.TagAt > 0 {
		n.TagAt = formatScore(p.TagAt)
	}
	if p.RejectAt > 0 {
		n.RejectAt = formatScore(p.RejectAt)
	}
	d.figures(&n, p.RejectAt)
	return n
}

func modeWord(m filter.Mode) string {
	if m == filter.Observe {
		return "observe"
	}
	return "enforce"
}

func formatScore(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

// health is what the scanners know of each of their servers.
func (j *judgement) health() []status.Server {
	all := j.spamdHealth()
	if j.viruses == nil {
		return all
	}
	s := j.viruses.Status()
	state := "last answer " + s.Blind.Round(time.Second).String() + " ago" // it is asked with mail only
	if s.Failing {
		state = "failing, " + state
	}
	return append(all, status.Server{
		Source: j.viruses.Name(), Address: s.Address, State: state,
		Well: !s.Failing, Free: max(0, s.Slots-s.Busy), Busy: s.Busy - s.Lost, Abandoned: s.Lost,
	})
}

func (j *judgement) spamdHealth() []status.Server {
	if j.scanner == nil {
		return nil
	}
	var all []status.Server
	for _, s := range j.scanner.Status().Servers {
		state := map[string]string{"closed": "well", "half-open": "being tried again", "open": "failing"}[s.Breaker]
		if s.Symbols && state == "well" {
			state = "well, but its reports cannot be read: rules have no points"
		}
		all = append(all, status.Server{
			Source: (*spamd.Scanner)(nil).Name(), Address: s.Address, State: state, Well: s.Breaker == "closed", Free: s.Free(), Busy: s.Busy - s.Lost, Abandoned: s.Lost,
		})
	}
	return all
}

// figures takes over what the metrics have counted, so that the two never disagree.
func (d *daemon) figures(n *status.Now, rejectAt float64) {
	families, err := d.metrics.registry.Gather()
	if err != nil {
		return // /metrics says so
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			switch f.GetName() {
			case namespace + "_messages_total":
				n.Outcomes = append(n.Outcomes, status.Outcome{
					Action: m.GetLabel()[0].GetValue(), Reason: m.GetLabel()[1].GetValue(), Count: uint64(m.GetCounter().GetValue()),
				})
			case namespace + "_last_message_timestamp_seconds":
				if s := m.GetGauge().GetValue(); s > 0 {
					n.LastMessage = time.Unix(int64(s), 0)
				}
			case namespace + "_config_info":
				n.Fingerprint = m.GetLabel()[0].GetValue()
			case namespace + "_score":
				h := m.GetHistogram()
				var buckets []bucket
				for _, b := range h.GetBucket() {
					buckets = append(buckets, bucket{b.GetUpperBound(), b.GetCumulativeCount()})
				}
				n.Scores = bars(append(buckets, bucket{math.Inf(1), h.GetSampleCount()}), rejectAt)
			}
		}
	}
}

// bucket is how many scores are not above a limit.
type bucket struct {
	limit float64
	count uint64
}

// bars are the rows of the histogram: what is above each limit and not above the next.
func bars(buckets []bucket, rejectAt float64) []status.Bar {
	if buckets[len(buckets)-1].count == 0 {
		return nil
	}
	var all []status.Bar
	last, most := bucket{limit: math.Inf(-1)}, uint64(0)
	for _, b := range buckets {
		count := b.count - last.count
		all = append(all, status.Bar{Range: between(last.limit, b.limit), Count: count, Refused: rejectAt > 0 && last.limit >= rejectAt})
		last, most = b, max(most, count)
	}
	for i := range all {
		all[i].Percent = int(math.Ceil(100 * float64(all[i].Count) / float64(max(1, most))))
	}
	isEmpty := func(b status.Bar) bool { return b.Count == 0 }
	for isEmpty(all[0]) {
		all = all[1:]
	}
	for isEmpty(all[len(all)-1]) {
		all = all[:len(all)-1]
	}
	return all
}

func between(above, upTo float64) string {
	switch {
	case math.IsInf(above, -1):
		return fmt.Sprintf("up to %g", upTo)
	case math.IsInf(upTo, 1):
		return fmt.Sprintf("above %g", above)
	}
	return fmt.Sprintf("above %g, up to %g", above, upTo)
}

package main

import (
	"context"
	"sync"

	"github.com/rs/zerolog"

	"proxyfilter/filter"
	"proxyfilter/filter/clamd"
	"proxyfilter/filter/socketmap"
	"proxyfilter/filter/spamd"
	"proxyfilter/relay"
)

// judgement is what a reload replaces: the policies, and the scanners behind
// them. It is never changed, so that one message is judged by one configuration.
type judgement struct {
	judge   *filter.Judge
	own     relay.Own      // what only we write into a header
	scanner *spamd.Scanner // nil when spamd is switched off
	viruses *clamd.Scanner // nil when clamd is
	table   *socketmap.Map // nil when there is no map

	stopScanner, stopViruses func()
}

// newJudgement starts the scanners and puts the policies in front of them.
func newJudgement(c *config, log zerolog.Logger) *judgement {
	j := &judgement{own: newOwn(c)}
	j.startScanner(c, nil, log)
	j.startViruses(c, log)
	j.table = newTable(c)
	j.judge = judgeOf(c, j.scanner, j.viruses)
	j.judge.Map = newPolicyMap(c, j.table, log)
	return j
}

// startScanner begins with spamd. The new scanner takes over the line and the slots of
// the old one, if there is one.
func (j *judgement) startScanner(c *config, old *spamd.Scanner, log zerolog.Logger) {
	scanner := newScanner(c, old, log)
	j.scanner, j.stopScanner = scanner, func() {}
	if scanner == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { scanner.Run(ctx) })
	j.stopScanner = sync.OnceFunc(func() {
		cancel()
		scanner.Close()
		running.Wait()
	})
}

func (j *judgement) startViruses(c *config, log zerolog.Logger) {
	j.viruses, j.stopViruses = newVirusScanner(c, log), func() {}
	if j.viruses != nil {
		j.stopViruses = sync.OnceFunc(j.viruses.Close)
	}
}

func (j *judgement) stop() {
	j.stopScanner()
	j.stopViruses()
	if j.table != nil {
		j.table.Close()
	}
}

// follow is the judgement under a new configuration. A scanner stays when nothing
// about it has changed; retire ends those that did not, once no message is with them. The
// policy map stays likewise, with what it remembers.
func (j *judgement) follow(before, after *config, log zerolog.Logger) (next *judgement, retire []func()) {
	next = &judgement{own: newOwn(after), scanner: j.scanner, viruses: j.viruses, table: j.table, stopScanner: j.stopScanner, stopViruses: j.stopViruses}
	if about("spamd", before, after) {
		next.startScanner(after, j.scanner, log)
		retire = append(retire, j.stopScanner)
	}
	if about("clamd", before, after) {
		next.startViruses(after, log)
		retire = append(retire, j.stopViruses)
	}
	if before.Policy.PolicyMap != after.Policy.PolicyMap {
		if j.table != nil {
			j.table.Close() // messages that wait for it have their answers all the same
		}
		next.table = newTable(after)
	}
	next.judge = judgeOf(after, next.scanner, next.viruses)
	next.judge.Map = newPolicyMap(after, next.table, log)
	return next, retire
}

// about reports a difference that is about the scanner of a section.
func about(section string, before, after *config) bool {
	live, _ := changed(before, after)
	for _, name := range live {
		if name == "budget.wait" || sectionOf(name) == section {
			return true
		}
	}
	return false
}

// slots are those of each server: free, busy, or abandoned, which is busy with a
// scan that nobody waits for any more.
func (j *judgement) slots() []slots {
	var all []slots
	count := func(source, server string, free, busy, lost int) {
		all = append(all, slots{source, server, map[string]int{"free": free, "busy": busy - lost, "abandoned": lost}})
	}
	if j.scanner != nil {
		for _, s := range j.scanner.Status().Servers {
			count(j.scanner.Name(), s.Address, s.Free(), s.Busy, s.Lost)
		}
	}
	if j.viruses != nil {
		s := j.viruses.Status()
		count(j.viruses.Name(), s.Address, s.Slots-s.Busy, s.Busy, s.Lost)
	}
	return all
}

// waiting is how many messages stand in line for a slot, with each scanner.
func (j *judgement) waiting() int {
	n := 0
	if j.scanner != nil {
		n += j.scanner.Status().Waiting
	}
	if j.viruses != nil {
		n += j.viruses.Status().Waiting
	}
	return n
}

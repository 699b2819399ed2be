package main

import (
	"context"
	"sync"

	"github.com/rs/zerolog"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
)

// judgement is what a reload replaces: the policies, and the scanner behind
// them. It is never changed, so that one message is judged by one configuration.
type judgement struct {
	judge   filter.Judge
	scanner *spamd.Scanner // nil when spamd is switched off
	stop    func()         // ends the scanner
}

// newJudgement starts a scanner and puts the policies in front of it. The new
// scanner takes over the line and the slots of the old one, if there is one.
func newJudgement(c *config, old *spamd.Scanner, log zerolog.Logger) *judgement {
	scanner := newScanner(c, old, log)
	j := &judgement{judge: judgeOf(c, scanner), scanner: scanner, stop: func() {}}
	if scanner == nil {
		return j
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { scanner.Run(ctx) })
	j.stop = sync.OnceFunc(func() {
		cancel()
		scanner.Close()
		running.Wait()
	})
	return j
}

// follow is the judgement under a new configuration. The scanner stays when
// nothing about it has changed.
func (j *judgement) follow(before, after *config, log zerolog.Logger) (next *judgement, replaced bool) {
	live, _ := changed(before, after)
	for _, name := range live {
		if name == "budget.wait" || sectionOf(name) == "spamd" {
			return newJudgement(after, j.scanner, log), true
		}
	}
	return &judgement{judge: judgeOf(after, j.scanner), scanner: j.scanner, stop: j.stop}, false
}

// slots are those of each server: free, busy, or abandoned, which is busy with a
// scan that nobody waits for any more.
func (j *judgement) slots() []slots {
	if j.scanner == nil {
		return nil
	}
	var all []slots
	for _, s := range j.scanner.Status().Servers {
		all = append(all, slots{s.Address, map[string]int{
			"free": s.Free(), "busy": s.Busy - s.Lost, "abandoned": s.Lost,
		}})
	}
	return all
}

// waiting is how many messages stand in line for a slot.
func (j *judgement) waiting() int {
	if j.scanner == nil {
		return 0
	}
	return j.scanner.Status().Waiting
}

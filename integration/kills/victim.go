package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"time"

	"proxyfilter/integration/ledger"
	"proxyfilter/integration/rig"
)

// victim is a daemon, and which of its processes are killed.
type victim struct {
	name   string
	daemon func() *rig.Daemon // the one that runs now
	start  func(context.Context) error
	blows  []blow
}

// blow is one kind of kill. Without the name of a child it is the parent that is
// killed, and the rest of its process group with it, which is what an init system
// does with what is left of a service before it starts it again.
type blow struct{ what, child string }

// victims are all four. spamd's parent is hit less often: it takes seconds to
// read its rules, and nothing happens meanwhile.
func victims(s *rig.Site) []victim {
	return []victim{
		{"proxyfilter", func() *rig.Daemon { return s.Filter.Daemon }, s.Filter.Start, []blow{{"proxyfilter", ""}}},
		{"A", func() *rig.Daemon { return s.After.Daemon }, s.After.Start, []blow{{"A smtpd", "smtpd"}, {"A master", ""}, {"A smtpd", "smtpd"}}},
		{"P", func() *rig.Daemon { return s.Postfix.Daemon }, s.Postfix.Start, []blow{{"P smtpd", "smtpd"}, {"P master", ""}, {"P smtpd", "smtpd"}}},
		{"spamd", func() *rig.Daemon { return s.Spamd.Daemon }, s.Spamd.Start, []blow{
			{"spamd child", "spamd child"}, {"spamd parent", ""}, {"spamd child", "spamd child"}, {"spamd child", "spamd child"},
		}},
	}
}

// share deals the kills out, one by one.
func share(kills, victims int) []int {
	shares := make([]int, victims)
	for i := range kills {
		shares[i%victims]++
	}
	return shares
}

// hunt kills so many processes of one victim.
func (t *trial) hunt(ctx context.Context, v victim, kills int, random *rand.Rand) error {
	first := random.IntN(len(v.blows))
	for i := range kills {
		b := v.blows[(first+i)%len(v.blows)]
		if err := t.moment(ctx, random); err != nil {
			return fmt.Errorf("%s: wait for mail to go through: %w", b.what, err)
		}
		if err := t.strike(ctx, v, b, random); err != nil {
			return fmt.Errorf("%s: %w", b.what, err)
		}
	}
	return nil
}

// commits are the lines of A's log around the commit of a message: before its
// content, in the middle of it, and just after.
func commits() []string {
	return []string{`smtpd\[\d+\]: \w+: client=`, `cleanup\[\d+\]: \w+: message-id=`, `qmgr\[\d+\]: \w+: from=.*queue active`}
}

// moment waits until the load has moved on, and then for the moment of the kill.
func (t *trial) moment(ctx context.Context, random *rand.Rand) error {
	if err := t.book.Wait(ctx, t.book.Attempts()+1+random.IntN(t.plan.clients)); err != nil {
		return err
	}
	aimed := random.IntN(2) == 0
	limit := time.Duration(random.IntN(300)) * time.Millisecond
	if aimed {
		limit = 5 * time.Second
	}
	moment, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if aimed {
		around := commits()
		_, _ = t.site.After.Log.Wait(moment, t.site.After.Log.Mark(), around[random.IntN(len(around))])
		return ctx.Err()
	}
	<-moment.Done()
	return ctx.Err()
}

// strike kills once. A parent is started again.
func (t *trial) strike(ctx context.Context, v victim, b blow, random *rand.Rand) error {
	daemon := v.daemon()
	pid := daemon.PID()
	if b.child != "" {
		var err error
		if pid, err = child(ctx, daemon, b.child, random); err != nil {
			return err
		}
	}
	t.note(ledger.Kill{What: b.what, Daemon: v.name, PID: pid, At: time.Now()})
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	if b.child != "" {
		return nil
	}
	<-daemon.Done
	if err := v.start(ctx); err != nil {
		return fmt.Errorf("start it again: %w", err)
	}
	return nil
}

// child picks one of the daemon's processes of that name, as soon as there is one.
func child(ctx context.Context, d *rig.Daemon, name string, random *rand.Rand) (pid int, err error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		all, err := d.Processes()
		if err != nil {
			return 0, err
		}
		all = slices.DeleteFunc(all, func(p rig.Process) bool { return p.PID == d.PID() || !strings.HasPrefix(p.Name, name) })
		if len(all) > 0 {
			return all[random.IntN(len(all))].PID, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("there is no %s: %w", name, ctx.Err())
		}
	}
}

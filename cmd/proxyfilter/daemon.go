package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"proxyfilter/cmd/proxyfilter/status"
	"proxyfilter/cmd/proxyfilter/takeover"
	"proxyfilter/filter"
	"proxyfilter/filter/journal"
	"proxyfilter/relay"
)

// daemon is the running process: the relay, what judges, and what observes.
type daemon struct {
	config  config // in force; owned by the goroutine that waits for signals
	sources sources
	build   build
	started time.Time
	heap    *collector

	log     zerolog.Logger
	lines   *lineQueue
	metrics *metrics
	ring    status.Ring
	journal *journal.Journal // nil: none is kept
	store   store            // nil: there is none

	exceptions *exceptionWatch // nil: without a store
	manager    manager

	current atomic.Pointer[judgement]
	panic   panicSwitch
	guard   refusalGuard
	health  scoreHealth
	server  *relay.Server
	doors   []relay.Door
	pages   pages
	webs    []*http.Server
	serving atomic.Bool

	suspending []func() filter.Suspension // see suspensions

	before *takeover.Predecessor // nil: this process took no other's place
	offer  *takeover.Offer       // nil: no other can take this one's
	again  []string              // the arguments of this process

	background sync.WaitGroup
	ended      context.Context // done when the relay has ended
	end        context.CancelFunc
}

// record is every observer there is. What goes wrong in one must cost the
// message nothing. Those who keep it come before those who draw conclusions.
func (d *daemon) record(r filter.Record) {
	defer func() {
		if p := recover(); p != nil {
			d.log.Error().Str("id", r.Envelope.ID).Str("panic", fmt.Sprint(p)).Msg("a record was lost")
		}
	}()
	d.metrics.count(&r)
	d.ring.Add(&r)
	logRecord(d.log, &r)
	if d.journal != nil {
		d.journal.Add(&r)
	}
	d.guard.add(&r)
	d.health.add(&r)
}

// run serves until a signal ends it, and returns an error when not everything
// came to its end.
func (d *daemon) run(signals <-chan os.Signal) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	defer d.heap.stop()
	served := make(chan error, 1)
	go func() { served <- d.server.Serve(ctx, d.doors...) }()
	d.serving.Store(true)
	d.succeed()
	d.announce()
	next := d.offered(ctx)
	d.background.Go(func() { d.panic.run(d.ended) })
	d.background.Go(func() { d.guard.run(d.ended) })
	d.watchExceptions()
	d.background.Go(func() { d.manager.watchdog(d.ended, d.alive) })
	patience := d.config.Relay.ConnectTimeout
	d.background.Go(func() { d.probe(patience) })
	asked := false // to stop
	for {
		select {
		case err := <-served:
			d.close()
			return err
		case process := <-next:
			defer process.Close()
			d.handOver(process, stop)
		case s := <-signals:
			if asked && s != syscall.SIGHUP && s != syscall.SIGUSR2 {
				d.log.Error().Int("conversations", d.server.Conversations()).Str("signal", s.String()).Msg("ended at once")
				d.closeJournal(time.Second)
				d.lines.Close(time.Second)
				return exit{code: exitNo}
			}
			asked = d.heed(ctx, s, stop) || asked
		}
	}
}

// heed does what a signal wants, and reports whether it wants an end.
func (d *daemon) heed(ctx context.Context, s os.Signal, stop context.CancelFunc) bool {
	ending := ctx.Err() != nil
	switch {
	case s == syscall.SIGHUP && !ending:
		d.reload()
	case s == syscall.SIGUSR2 && !ending:
		d.startNext()
	case s == syscall.SIGHUP:
		d.log.Warn().Msg("stopping: no reload")
	case s == syscall.SIGUSR2:
		d.log.Warn().Msg("stopping: no next process")
	default:
		d.stopping(s)
		stop()
		return true
	}
	return false
}

func (d *daemon) stopping(s os.Signal) {
	d.serving.Store(false)
	d.manager.stopping(d.config.Server.Drain)
	d.log.Info().Str("signal", s.String()).Int("conversations", d.server.Conversations()).
		Str("drain", formatSpan(d.config.Server.Drain)).Msg("stopping")
}

// close ends everything around the relay, which has ended.
func (d *daemon) close() {
	d.end()
	for _, w := range d.webs {
		shut(context.Background(), w, time.Second)
	}
	d.background.Wait()
	d.current.Load().stop()
	if d.store != nil {
		d.store.close()
	}
	d.closeJournal(5 * time.Second)
	d.log.Info().Msg("stopped")
	d.lines.Close(5 * time.Second)
}

// shut ends a page, and the requests under way when patience or the context is over.
func shut(ctx context.Context, w *http.Server, patience time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if w.Shutdown(ctx) != nil {
		w.Close()
	}
}

// announce tells where Postfix can connect, and to whom its mail goes.
func (d *daemon) announce() {
	e := d.log.Info().Str("version", d.build.Version)
	var listeners, hops []string
	for _, door := range d.doors {
		name := door.Listener.Addr().String()
		if door.Name != "" {
			name = door.Name + "=" + name
		}
		listeners = append(listeners, name)
	}
	for _, door := range d.config.doors() {
		if len(door.addrs) > 0 {
			hops = append(hops, door.next.String())
		}
	}
	var servers []string
	for _, a := range d.config.Spamd.Servers {
		servers = append(servers, a.String())
	}
	e.Strs("listen", listeners).Strs("next_hop", hops).Strs("spamd", servers)
	if server := d.config.Clamd.Server; server != (address{}) {
		e.Str("clamd", server.String())
	}
	e.Str("mode", d.config.Policy.Mode).Str("fingerprint", d.config.fingerprint()).Msg("serving")
	d.manager.ready("serving")
}

// probe learns what the next hops announce, so that the first greeting has a
// SIZE. A next hop that is away may come later; until then mail is deferred.
func (d *daemon) probe(patience time.Duration) {
	asked := map[*relay.NextHop]bool{}
	for _, door := range d.doors {
		if asked[door.NextHop] {
			continue
		}
		asked[door.NextHop] = true
		ctx, cancel := context.WithTimeout(d.ended, patience)
		err := door.NextHop.Probe(ctx)
		cancel()
		if err != nil && d.serving.Load() && d.ended.Err() == nil {
			d.log.Warn().Str("next_hop", door.NextHop.Address).Err(err).Msg("the next hop does not answer; mail is deferred until it does")
		}
	}
}

// alive reports whether the relay still answers questions.
func (d *daemon) alive() bool { return d.server.Conversations() >= 0 }

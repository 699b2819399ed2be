package milestones

import (
	"bytes"
	"context"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"proxyfilter/filter"
	"proxyfilter/integration/dialogue"
	"proxyfilter/relay"
	"proxyfilter/relay/relaytest"
)

// world is the program in memory: a server between a client and a next hop, and
// a spamd beside it. It lives in one synctest bubble.
type world struct {
	t      *testing.T
	setup  dialogue.Setup
	hop    *relaytest.Hop
	behind *relaytest.Listener          // where it listens
	store  string                       // the file that outlasts the program
	stored func() (relay.Store, func()) // opens another store; nil: that of the setup
	spamd  *spamd
	clamd  *clamd
	served sync.WaitGroup

	front *relaytest.Listener // of the program that runs
	stop  context.CancelFunc
	ended chan struct{}

	mu      sync.Mutex
	records []filter.Record
	log     bytes.Buffer
}

func newWorld(t *testing.T, s dialogue.Setup) *world {
	t.Helper()
	w := &world{t: t, setup: s, behind: relaytest.Listen(), hop: hop(s), store: filepath.Join(t.TempDir(), "state.db")}
	w.behind.Refuse(s.HopAway)
	w.served.Go(func() { w.hop.Serve(w.behind) })
	o := w.configure()
	w.spamd = startSpamd(t, s.Spamd, o)
	w.clamd = startClamd(s.Clamd, o)
	w.begin(o)
	return w
}

func (w *world) configure() options {
	w.t.Helper()
	o, err := configure(w.setup.Config)
	if err != nil {
		w.t.Fatal(err)
	}
	o.hop.Dial = w.behind.Dial
	return o
}

// begin starts the program. Its spamd and its next hop are there already.
func (w *world) begin(o options) {
	judge := &filter.Judge{Scanners: w.spamd.scanners, Viruses: w.clamd.scanners, Policies: filter.Policies{
		Default: o.policy, Mixed: o.mixed, Selection: filter.NewSelection(o.selected(), "+"),
		Named: o.named(), OnMapFailure: o.onMapLost,
	}, Lists: o.lists, Map: o.policyMap(), MailingList: o.outside.mailingList}
	o.server.Judge = func() relay.Judge { return judge }
	o.server.Own = func() relay.Own { return o.own }
	o.server.Record = w.record
	o.server.Log = zerolog.New(w).Level(zerolog.WarnLevel)
	o.server.Spool.Dir = w.t.TempDir()
	o.hop.Log = o.server.Log
	store, closeStore := w.openStore()
	o.server.Store = store
	ctx, stop := context.WithCancel(context.WithoutCancel(w.t.Context()))
	front, ended := relaytest.Listen(), make(chan struct{})
	w.front, w.stop, w.ended = front, stop, ended
	w.served.Go(func() {
		defer close(ended)
		if err := o.server.Serve(ctx, relay.Door{Listener: front, NextHop: o.hop}); err != nil {
			w.t.Errorf("Serve: %v", err)
		}
		closeStore()
	})
}

func (w *world) openStore() (relay.Store, func()) {
	if w.stored != nil {
		return w.stored()
	}
	return openStore(w.t, w.setup.Store, w.store)
}

// end stops everything. What still runs then fails the bubble.
func (w *world) end() {
	w.stop()
	w.front.Close()
	w.behind.Close()
	w.spamd.close()
	w.clamd.close()
	synctest.Wait()
	w.hop.Close()
	w.served.Wait()
}

func (w *world) record(r filter.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records = append(w.records, r)
}

// Write is the log.
func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *world) complaints() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

// The methods below make it a dialogue.World.

func (w *world) Dial() (net.Conn, error) { return w.front.Dial(context.Background()) }

func (w *world) Sleep(d time.Duration) { time.Sleep(d) }

// Settle needs no second try: when it returns, everybody waits for something that
// only time or a client can bring.
func (w *world) Settle(int) (again bool) {
	synctest.Wait()
	return false
}

func (w *world) Stop() { w.stop() }

func (w *world) Stopped() bool {
	select {
	case <-w.ended:
		return true
	default:
		return false
	}
}

func (w *world) Restart() {
	w.stop()
	<-w.ended
	w.begin(w.configure())
}

func (w *world) Scans() int { return w.spamd.scans() }

func (w *world) Hop() dialogue.HopReport {
	r := w.hop.Report()
	out := dialogue.HopReport{Connections: r.Connections, Commands: r.Commands, Violations: r.Violations}
	for _, t := range r.Delivered() {
		out.Delivered = append(out.Delivered, dialogue.Delivery{Sender: t.Mail, Recipients: t.Recipients, Content: t.Content})
	}
	return out
}

func (w *world) Records() []map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []map[string]string
	for _, r := range w.records {
		all = append(all, words(r))
	}
	return all
}

// hop is the next hop of a setup.
func hop(s dialogue.Setup) *relaytest.Hop {
	h := &relaytest.Hop{Announce: s.Announce, At: make(map[relaytest.Stage]relaytest.Fault)}
	for _, f := range s.Faults {
		stage := relaytest.Stage(f.Stage)
		if f.Nth > 0 {
			stage = relaytest.At(stage, f.Nth)
		}
		h.At[stage] = relaytest.Fault{
			Reply: f.Reply, Delay: f.Wait, Drip: f.Drip, After: f.After, Times: f.Times, Take: f.Keep,
			Drop: f.Drop, Reset: f.Reset, Hang: f.Hang, Stall: f.Stall, Twice: f.Twice, Endless: f.Endless,
		}
	}
	return h
}

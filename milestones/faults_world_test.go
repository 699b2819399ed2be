package milestones

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/integration/faults"
	"proxyfilter/relay"
	"proxyfilter/relay/relaytest"
)

// trial is a world in which one thing goes wrong.
type trial struct {
	*world
	cell   faults.Cell
	points float64 // what a spamd that goes wrong may find
	server *relay.Server
	disk   *disk
	memory *memory
	open   atomic.Int64 // our connections to A and to spamd
}

func newTrial(t *testing.T, cell faults.Cell) *trial {
	w := &world{t: t, behind: relaytest.Listen(), hop: &relaytest.Hop{}, store: filepath.Join(t.TempDir(), "state.db")}
	w.spamd, w.clamd = &spamd{listener: relaytest.Listen()}, startClamd("", options{})
	tr := &trial{world: w, cell: cell, memory: &memory{t: t, path: w.store}}
	tr.disk = &disk{dir: t.TempDir(), scanned: func() bool { return w.spamd.server.Served() > 0 }}
	w.stored = func() (relay.Store, func()) { return nil, func() {} }
	if cell.Side == faults.Store {
		w.stored = tr.memory.open
	}
	w.spamd.start(defaults(), tr.counted(w.spamd.listener.Dial))
	w.served.Go(func() { w.hop.Serve(w.behind) })
	tr.run()
	return tr
}

// run starts the program.
func (tr *trial) run() {
	o := defaults()
	o.server.AtMail = tr.cell.Side == faults.AtMail
	o.server.Spool.SpillAt = 1 << 20
	switch {
	case tr.cell.Fault == faults.NoMemory:
		o.server.Spool.Memory = 0
	case tr.cell.Side == faults.Spool:
		o.server.Spool.SpillAt = 0
	}
	o.hop.Dial = tr.counted(tr.behind.Dial)
	o.server.Spool.Create = tr.disk.create
	tr.server = o.server
	tr.world.begin(o)
}

// restart is a new program with the same store, into which a fault has come
// meanwhile.
func (tr *trial) restart() {
	tr.stop()
	<-tr.ended
	tr.memory.become(tr.cell)
	tr.run()
}

// goWrong begins the fault.
func (tr *trial) goWrong() {
	c := tr.cell
	away := c.Stage == faults.Connect
	switch c.Side {
	case faults.Postfix, faults.Store:
		tr.spamd.server.Become(spamdtest.Reply{Delay: thought})
		tr.hop.Become(map[relaytest.Stage]relaytest.Fault{relaytest.Dot: {Delay: thought}})
	case faults.Spamd:
		tr.spamd.listener.Refuse(away && c.Fault == faults.Drop)
		tr.spamd.listener.Hang(away && c.Fault == faults.Silence)
		tr.spamd.server.Become(c.Spamd(tr.points))
	case faults.Spool:
		tr.disk.become(c)
	default:
		tr.behind.Refuse(away && c.Fault == faults.Drop)
		tr.behind.Hang(away && c.Fault == faults.Silence)
		tr.hop.Become(c.Hop())
	}
}

// heal ends it.
func (tr *trial) heal() {
	for _, l := range []*relaytest.Listener{tr.behind, tr.spamd.listener} {
		l.Refuse(false)
		l.Hang(false)
	}
	tr.hop.Become(nil)
	tr.spamd.server.Become(spamdtest.Reply{})
	tr.disk.become(faults.Cell{})
	tr.memory.heal()
}

// rest is until nothing can happen any more: every clock has ended, a scan that
// nobody waited for too, and kept connections have expired.
func (tr *trial) rest() {
	time.Sleep(20 * time.Minute)
	synctest.Wait()
}

// counted is a Dial whose connections are counted while they are open.
func (tr *trial) counted(dial func(context.Context) (net.Conn, error)) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		tr.open.Add(1)
		return &countedConn{Conn: conn.(*relaytest.Conn), closed: func() { tr.open.Add(-1) }}, nil
	}
}

type countedConn struct {
	*relaytest.Conn
	once   sync.Once
	closed func()
}

func (c *countedConn) Close() error {
	c.once.Do(c.closed)
	return c.Conn.Close()
}

// recorded are the Records from the nth on.
func (w *world) recorded(from int) []filter.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]filter.Record(nil), w.records[from:]...)
}

// copies are how often A has taken the letter for each recipient.
func (w *world) copies(l letter) (each [len(recipients)]int) {
	for _, t := range w.hop.Report().Delivered() {
		if !strings.Contains(string(t.Content), "Message-ID: <"+l.id+"@matrix.example>\r\n") {
			continue
		}
		for i, rcpt := range recipients {
			for _, to := range t.Recipients {
				if to == "<"+rcpt+">" {
					each[i]++
				}
			}
		}
	}
	return each
}

//go:build integration

package integration

import (
	"os"
	"testing"
	"time"

	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/integration/faults"
	"proxyfilter/integration/rig"
	"proxyfilter/relay/relaytest"
)

// TestFaults plays cells of the fault matrix through real Postfix: what the remote
// client hears, and what arrives, must be what FAULTS.md says.
func TestFaults(t *testing.T) {
	text, err := os.ReadFile("FAULTS.md")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := faults.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	all := make(sites)
	for _, cell := range faults.Real() {
		row, ok := faults.Find(rows, cell)
		if !ok {
			t.Fatalf("%v is not in FAULTS.md", cell)
		}
		site := all.site(t, cell) // outside: it outlives its first cell
		t.Run(cell.String(), func(t *testing.T) {
			e := &experiment{faultSite: site, cell: cell, row: row, id: uniqueID(t)}
			e.run(t)
		})
	}
}

// experiment is one cell.
type experiment struct {
	*faultSite
	cell faults.Cell
	row  faults.Row
	id   string // Message-ID; its sender has the same
	hop  *relaytest.Hop
}

func (e *experiment) mail() string { return "MAIL FROM:" + e.id }

func (e *experiment) run(t *testing.T) {
	letter := message(e.id, e.body())
	away := e.cell.Stage == faults.Connect && e.cell.Side == faults.Hop
	if !away {
		e.hop = e.listen(t)
	}
	if e.cell.Side == faults.Kept {
		e.keep(t)
	}
	heal := e.goWrong(t)
	heard := e.send(t, letter)
	e.expect(t, heard)
	e.recorded(t)
	if !away {
		e.count(t, first(e.row.Copies))
	}
	heal()
	if away {
		e.hop = e.listen(t)
	}
	tries := 0
	if again := heard.open(); len(again) > 0 {
		tries++
		if reply := (visit{mail: e.mail(), rcpts: again, content: letter}).deliver(t, e.front); reply.Code != 250 {
			t.Errorf("the next try heard %v", reply)
		}
	}
	e.count(t, last(e.row.Copies))
	later := uniqueID(t)
	if reply := (visit{rcpts: both(), content: message(later, "all is well\r\n")}).deliver(t, e.front); reply.Code != 250 {
		t.Errorf("the healthy message after it heard %v", reply)
	}
	e.nothingMore(t, later, tries)
	if v := e.hop.Report().Violations; len(v) > 0 {
		t.Errorf("the next hop saw what it may not see: %q", v)
	}
}

func both() []string { return []string{"RCPT TO:<alice@example.net>", "RCPT TO:<bob@example.net>"} }

// body is long enough for what is to happen in the middle of it, on real sockets.
func (e *experiment) body() string {
	switch {
	case e.cell.Stage == faults.Content, e.cell.Stage == faults.Request:
		return text(6 << 20)
	case e.cell.Fault == faults.NoMemory:
		return text(600 << 10)
	case e.cell.Side == faults.Spool:
		return text(1500 << 10)
	}
	return "hello\r\n"
}

// keep leaves a connection to the next hop, and for a fault of an idle one, lets
// that happen.
func (e *experiment) keep(t *testing.T) {
	if e.cell.Stage == faults.Idle {
		e.hop.Become(e.cell.Hop())
	}
	if reply := (visit{rcpts: both(), content: message(uniqueID(t), "before\r\n")}).deliver(t, e.front); reply.Code != 250 {
		t.Fatal(reply)
	}
	if e.cell.Stage == faults.Idle {
		rig.Eventually(t, "the next hop to close", func() bool { return e.hop.Report().Open == 0 })
	}
}

// goWrong begins the fault, and gives what ends it.
func (e *experiment) goWrong(t *testing.T) (heal func()) {
	c := e.cell
	switch c.Side {
	case faults.Spamd:
		reply := c.Spamd(0)
		reply.Upstream = e.real
		if c.Stage == faults.Connect {
			reply = spamdtest.Reply{Reset: spamdtest.AtConnect}
		}
		e.spamd.Become(reply)
		return func() { e.spamd.Become(spamdtest.Reply{}) }
	case faults.Postfix:
		const thought = 6 * time.Second // Postfix waits 3 s there
		if c.Stage == faults.Dot {
			e.spamd.Become(spamdtest.Reply{Delay: thought})
		}
		if c.Stage == faults.Thinking {
			e.hop.Become(map[relaytest.Stage]relaytest.Fault{relaytest.Dot: {Delay: thought}})
		}
		return func() {
			e.spamd.Become(spamdtest.Reply{})
			e.hop.Become(nil)
		}
	case faults.Spool:
		switch {
		case c.Fault == faults.NoMemory:
			return e.hold(t)
		case c.Stage == faults.Create:
			free := e.fill(t)
			return func() { free(); e.resize(t, "64m") }
		}
		e.resize(t, "1m")
		return func() { e.resize(t, "64m") }
	}
	if c.Stage != faults.Idle && e.hop != nil {
		e.hop.Become(c.Hop())
	}
	return func() {
		if e.hop != nil {
			e.hop.Become(nil)
		}
	}
}

// send is the letter's first try. Where P is the one that goes wrong, a client
// makes it do so.
func (e *experiment) send(t *testing.T, letter []byte) (h heard) {
	t.Helper()
	if e.cell.Fault == faults.EarlyQuit {
		return e.leave(t, letter)
	}
	c, replies := visit{mail: e.mail(), rcpts: both()}.pay(t, e.front)
	h.rcpts = replies
	if replies[0].Code != 250 && replies[1].Code != 250 {
		return h
	}
	reply, err := c.Data(letter)
	if err != nil {
		t.Fatal(err)
	}
	h.dot = reply
	return h
}

// leave makes P say QUIT to the program: before DATA, because its client does, and
// within content, because its client hangs up.
func (e *experiment) leave(t *testing.T, letter []byte) heard {
	t.Helper()
	c, _ := visit{mail: e.mail(), rcpts: both()}.pay(t, e.Postfix.Lockstep)
	if e.cell.Stage == faults.DATA {
		say(t, c, "QUIT")
		return heard{gone: true}
	}
	if reply := say(t, c, "DATA"); reply.Code != 354 {
		t.Fatal(reply)
	}
	if _, err := c.Write(letter[:len(letter)/2]); err != nil {
		t.Fatal(err)
	}
	c.Close()
	return heard{gone: true}
}

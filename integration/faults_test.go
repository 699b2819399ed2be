//go:build integration

package integration

import (
	"fmt"
	"os"
	"regexp"
	"strings"
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
	if again := heard.open(); len(again) > 0 {
		if reply := (visit{mail: e.mail(), rcpts: again, content: letter}).deliver(t, e.front); reply.Code != 250 {
			t.Errorf("the next try heard %v", reply)
		}
	}
	e.count(t, last(e.row.Copies))
	after := message(uniqueID(t), "all is well\r\n")
	if reply := (visit{rcpts: both(), content: after}).deliver(t, e.front); reply.Code != 250 {
		t.Errorf("the healthy message after it heard %v", reply)
	}
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
		waitFor(t, "the next hop to close", func() bool { return e.hop.Report().Open == 0 })
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

// heard is what the remote client was told.
type heard struct {
	rcpts []rig.Reply
	dot   rig.Reply
	gone  bool // it had hung up
}

// open are the recipients that it has to try again.
func (h heard) open() (again []string) {
	for i, command := range both() {
		reply := h.dot
		if i < len(h.rcpts) && h.rcpts[i].Code != 250 {
			reply = h.rcpts[i]
		}
		if reply.Code/100 != 2 && reply.Code/100 != 5 {
			again = append(again, command)
		}
	}
	return again
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

const lostProxy = "451 4.3.0 Error: queue file write error"

// expect holds what the client heard against what P should have heard. Postfix
// passes on a reply, and says the same of every connection that ends.
func (e *experiment) expect(t *testing.T, h heard) {
	t.Helper()
	if h.gone {
		return
	}
	parts := strings.Split(e.row.Hears, "; ")
	for i, reply := range h.rcpts {
		if want, ok := strings.CutPrefix(parts[0], "RCPT: "); ok && i == 1 {
			same(t, "RCPT", reply, want)
		} else if want, ok := strings.CutPrefix(parts[0], "MAIL: "); ok {
			same(t, "RCPT", reply, want) // smtpd has said yes to MAIL before
		} else if reply.Code != 250 {
			t.Errorf("RCPT: %v", reply)
		}
	}
	if want := parts[len(parts)-1]; h.dot.Code != 0 {
		if strings.HasPrefix(want, "nothing") {
			want = lostProxy
		}
		same(t, "the final dot", h.dot, want)
	}
}

func same(t *testing.T, what string, got rig.Reply, want string) {
	t.Helper()
	pattern := regexp.QuoteMeta(want)
	pattern = strings.Replace(pattern, `\(ref …\)`, `\(ref [0-9A-Z]{12}\)`, 1)
	pattern = strings.Replace(pattern, `queued as …`, `queued as 4ABC\w+`, 1)
	if !regexp.MustCompile("^" + pattern + "$").MatchString(got.String()) {
		t.Errorf("%s: the client heard %v, the table says %s", what, got, want)
	}
}

var settled = regexp.MustCompile(`"action":"(\w+)".*?"reason":"([\w-]+)"`)

// recorded compares the Records, without why spamd did not answer.
func (e *experiment) recorded(t *testing.T) {
	t.Helper()
	if e.row.Record == "–" {
		return
	}
	want := strings.Split(regexp.MustCompile(` \(\w+\)`).ReplaceAllString(e.row.Record, ""), "; ")
	var got []string
	waitFor(t, fmt.Sprintf("the records %q", want), func() bool {
		got = nil
		for _, line := range e.Filter.Log.All(0, `"action":`) {
			if m := settled.FindStringSubmatch(line); m != nil && strings.Contains(line, strings.Trim(e.id, "<>")) {
				got = append(got, m[1]+" "+m[2])
			}
		}
		return len(got) >= len(want)
	})
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("recorded %q, the table says %q", got, want)
	}
}

// count compares the copies at the next hop, for each recipient.
func (e *experiment) count(t *testing.T, want string) {
	t.Helper()
	each := [2]int{}
	for _, taken := range e.hop.Report().Delivered() {
		if !strings.Contains(string(taken.Content), "\r\nMessage-ID: "+e.id+"\r\n") {
			continue
		}
		for _, rcpt := range taken.Recipients {
			for i, command := range both() {
				if "RCPT TO:"+rcpt == command {
					each[i]++
				}
			}
		}
	}
	got := fmt.Sprint(each[0])
	if each[0] != each[1] {
		got = fmt.Sprintf("%d and %d", each[0], each[1])
	}
	if got != want {
		t.Errorf("the next hop has %s copies, the table says %s", got, want)
	}
}

func first(copies string) string {
	before, _, _ := strings.Cut(copies, ", then ")
	return before
}

func last(copies string) string {
	if _, after, found := strings.Cut(copies, ", then "); found {
		return after
	}
	return copies
}

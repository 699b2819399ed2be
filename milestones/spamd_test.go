package milestones

import (
	"context"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"proxyfilter/filter"
	spamdclient "proxyfilter/filter/spamd"
	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/integration/dialogue"
	"proxyfilter/relay/relaytest"
)

// spamd is the daemon of a setup, in memory, and the scanner that asks it.
type spamd struct {
	scanners []filter.Scanner
	server   spamdtest.Server
	listener *relaytest.Listener
	client   *spamdclient.Scanner
}

func startSpamd(t *testing.T, habits []dialogue.Habit, o options) *spamd {
	t.Helper()
	d := &spamd{listener: relaytest.Listen()}
	var first, usual spamdtest.Reply
	for _, h := range habits {
		switch h.Do {
		case "none":
			return d
		case "away":
			d.listener.Refuse(true)
		default:
			adopt(t, &first, h)
			if !h.Once {
				adopt(t, &usual, h)
			}
		}
	}
	var asked atomic.Int64
	d.server.Choose = func(r spamdtest.Request) spamdtest.Reply {
		if r.Command != "PING" && asked.Add(1) == 1 {
			return first
		}
		return usual
	}
	d.start(o, d.listener.Dial)
	return d
}

// start serves, and makes the scanner, which connects with dial.
func (d *spamd) start(o options, dial func(context.Context) (net.Conn, error)) {
	d.server.Start(d.listener)
	d.client = spamdclient.New(spamdclient.Config{
		Servers:   []spamdclient.Server{{Network: "tcp", Address: "spamd.example:783", Slots: o.slots}},
		ScanLimit: o.scanLimit, Wait: o.wait,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	})
	d.scanners = []filter.Scanner{d.client}
}

func adopt(t *testing.T, r *spamdtest.Reply, h dialogue.Habit) {
	t.Helper()
	var err error
	switch h.Do {
	case "scores":
		r.Score, err = strconv.ParseFloat(h.Value, 64)
		r.Rules = []spamdtest.Rule{{Name: "A_RULE", Points: r.Score, Description: "a rule of the dialogue"}}
	case "limit":
		r.Threshold, err = strconv.ParseFloat(h.Value, 64)
	case "fails":
		r.Code, err = strconv.Atoi(h.Value)
		r.Text = "EX_" + h.Value
	case "waits":
		r.Delay, err = time.ParseDuration(h.Value)
	case "hangs":
		r.Hang = spamdtest.AtReply
	case "drops":
		r.Drop = spamdtest.AtReply
	case "garbage":
		r.Raw = "HTTP/1.1 400 Bad Request\r\n\r\n"
	}
	if err != nil {
		t.Fatalf("line %d: %v", h.Line, err)
	}
}

// scans counts what was asked, PING aside.
func (d *spamd) scans() int {
	n := 0
	for _, r := range d.server.Requests() {
		if r.Command != "PING" {
			n++
		}
	}
	return n
}

func (d *spamd) close() {
	if d.client != nil {
		d.client.Close()
		d.server.Close()
	}
	d.listener.Close()
}

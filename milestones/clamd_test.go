package milestones

import (
	"context"
	"net"

	"proxyfilter/filter"
	clamdclient "proxyfilter/filter/clamd"
	"proxyfilter/filter/clamd/clamdtest"
	"proxyfilter/relay/relaytest"
)

// clamd is the daemon of a setup, in memory, and the scanner that asks it.
type clamd struct {
	scanners []filter.Scanner
	server   clamdtest.Server
	listener *relaytest.Listener
	client   *clamdclient.Scanner
}

// startClamd has one word for what it does; without it there is none.
func startClamd(habit string, o options) *clamd {
	d := &clamd{listener: relaytest.Listen()}
	if habit == "" {
		return d
	}
	d.listener.Refuse(habit == "away")
	d.server.Become(map[string]clamdtest.Habits{
		"hangs":   {Hang: clamdtest.AtReply},
		"drops":   {Drop: clamdtest.AtReply},
		"garbage": {Say: "HTTP/1.1 400 Bad Request\r\n\r\n\x00"},
		"fails":   {Say: "Can't allocate memory ERROR\x00"},
	}[habit])
	d.server.Start(d.listener)
	d.client = clamdclient.New(clamdclient.Config{
		Network: "tcp", Address: "clamd.example:3310", Slots: o.slots, Wait: o.wait, Timeout: o.virusTime,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { return d.listener.Dial(ctx) },
	})
	d.scanners = []filter.Scanner{d.client}
	return d
}

func (d *clamd) close() {
	if d.client != nil {
		d.client.Close()
		d.server.Close()
	}
	d.listener.Close()
}

package main

import (
	"fmt"
	"net"
	"strings"

	"proxyfilter/cmd/proxyfilter/takeover"
)

// supply is where listening sockets come from before we open any ourselves.
type supply struct {
	passed map[string][]net.Listener // by systemd, by name
	before *takeover.Predecessor     // the process whose place we take; nil: none
}

// newSupply is what systemd has passed, and what the process before us had: its
// sockets of systemd are still systemd's.
func newSupply(before *takeover.Predecessor) (supply, error) {
	passed, err := passedSockets()
	if err != nil || before == nil {
		return supply{passed: passed}, err
	}
	if passed == nil {
		passed = map[string][]net.Listener{}
	}
	for _, place := range before.Rest() {
		if name, found := strings.CutPrefix(place, passedPlace); found {
			passed[name] = append(passed[name], before.Take(place))
		}
	}
	return supply{passed, before}, nil
}

// listen takes the socket of the process before us, or opens one.
func (s supply) listen(a address) (*takeover.Socket, error) {
	if s.before != nil {
		if taken := s.before.Take(a.place()); taken != nil {
			return taken, nil
		}
	}
	return listen(a)
}

// open is listen, for addresses that may be systemd's.
func (s supply) open(a address, named map[string]bool) ([]*takeover.Socket, error) {
	if a.Network == "systemd" {
		return takePassed(a.Addr, s.passed, named)
	}
	one, err := s.listen(a)
	if err != nil {
		return nil, err
	}
	return []*takeover.Socket{one}, nil
}

// door is an open front door.
type door struct {
	name string // empty for the first one
	hop  hopKey
	*takeover.Socket
}

// openDoors opens all front doors, or none.
func openDoors(c *config, from supply) (open []door, err error) {
	defer func() {
		if err != nil {
			closeAll(open)
			closePassed(from.passed)
		}
	}()
	names := []string{""}
	for _, l := range c.Listeners {
		names = append(names, l.Name)
	}
	all := c.doors()
	named := namedSockets(all)
	for i, d := range all {
		for _, a := range d.addrs {
			found, err := from.open(a, named)
			if err != nil {
				return open, fmt.Errorf("%s: %w", d.key, err)
			}
			for _, s := range found {
				open = append(open, door{names[i], hopKey{d.next, d.client}, s})
			}
		}
	}
	return open, unasked(from.passed)
}

func closeAll(doors []door) {
	for _, d := range doors {
		d.Close()
	}
}

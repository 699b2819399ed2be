package main

import (
	"cmp"
	"fmt"
)

// doorKeys is one key with addresses that somebody connects to.
type doorKeys struct {
	key     string
	addrs   []address
	nextKey string // where the next hop of this door is written
	next    address
	client  string
}

// doors lists the front doors: the first one, and those of [listeners].
func (c *config) doors() []doorKeys {
	all := []doorKeys{{"server.listen", c.Server.Listen, "relay.next_hop", c.Relay.NextHop, c.Relay.Client}}
	for _, l := range c.Listeners {
		d := doorKeys{"listeners." + l.Name + ".listen", l.Listen, "listeners." + l.Name + ".next_hop", l.NextHop, cmp.Or(l.Client, c.Relay.Client)}
		if l.NextHop == (address{}) {
			d.nextKey, d.next = "relay.next_hop", c.Relay.NextHop
		}
		all = append(all, d)
	}
	return all
}

// checkDoors refuses loops, and two uses of one address.
func (l *loader) checkDoors() {
	doors := l.doors()
	if len(l.Server.Listen) == 0 && len(l.Listeners) == 0 {
		l.conflict("", "server.listen: no address to listen on", "server.listen")
	}
	seen := map[string]bool{}
	for _, from := range doors {
		for _, to := range doors {
			for _, a := range to.addrs {
				what := fmt.Sprintf("%s %s is where %s listens: mail would run in a circle", from.nextKey, quote(from.next.String()), to.key)
				if a.meets(from.next) && !seen[what] {
					seen[what] = true
					l.conflict("the after-filter Postfix usually listens on 127.0.0.1:10025", what, from.nextKey, to.key)
				}
			}
		}
	}
	l.checkTwice(doors)
}

// checkTwice finds two listeners that would fight for an address.
func (l *loader) checkTwice(doors []doorKeys) {
	doors = append(doors,
		doorKeys{key: "status.listen", addrs: []address{l.Status.Listen}},
		doorKeys{key: "status.details", addrs: []address{l.Status.Details}},
		doorKeys{key: "metrics.listen", addrs: []address{l.Metrics.Listen}})
	for i, d := range doors {
		for _, e := range doors[i+1:] {
			for _, a := range d.addrs {
				for _, b := range e.addrs {
					if a != (address{}) && a.meets(b) {
						l.conflict("", fmt.Sprintf("%s and %s both want %s", d.key, e.key, quote(b.String())), d.key, e.key)
					}
				}
			}
		}
	}
}

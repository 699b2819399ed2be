package main

import (
	"fmt"

	"proxyfilter/cmd/proxyfilter/takeover"
)

// opened is everything that a process listens on.
type opened struct {
	doors []door
	pages pages
	next  nextSocket
}

// openAll opens all of it, or nothing.
func openAll(c *config, environ []string, before *takeover.Predecessor) (open opened, err error) {
	from, err := newSupply(before)
	if err != nil {
		return opened{}, err
	}
	if open.doors, err = openDoors(c, from); err != nil {
		return opened{}, err
	}
	if open.pages, err = openPages(c, from); err == nil {
		open.next, err = openNext(c, environ, from)
	}
	if err != nil {
		open.close()
		return opened{}, err
	}
	return open, nil
}

func (o opened) close() {
	closeAll(o.doors)
	o.pages.close()
	if o.next.socket != nil {
		o.next.socket.Close()
	}
}

// sockets are those that the next process may want.
func (o opened) sockets() []*takeover.Socket {
	var all []*takeover.Socket
	for _, d := range o.doors {
		all = append(all, d.Socket)
	}
	return append(all, o.pages.all()...)
}

// pages are the listeners for HTTP; nil where there is none.
type pages struct{ status, metrics *takeover.Socket }

func openPages(c *config, from supply) (found pages, err error) {
	if c.Status.Listen != (address{}) {
		if found.status, err = from.listen(c.Status.Listen); err != nil {
			return pages{}, fmt.Errorf("status.listen: %w; choose another address, or \"\" for none", err)
		}
	}
	if c.Metrics.Listen != (address{}) {
		if found.metrics, err = from.listen(c.Metrics.Listen); err != nil {
			found.close()
			return pages{}, fmt.Errorf("metrics.listen: %w; choose another address, or \"\" for none", err)
		}
	}
	return found, nil
}

func (p pages) all() []*takeover.Socket {
	var all []*takeover.Socket
	for _, s := range []*takeover.Socket{p.status, p.metrics} {
		if s != nil {
			all = append(all, s)
		}
	}
	return all
}

func (p pages) close() {
	for _, ln := range p.all() {
		ln.Close()
	}
}

package main

import "proxyfilter/cmd/proxyfilter/takeover"

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

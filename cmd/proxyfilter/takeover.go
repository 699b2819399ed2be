package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"proxyfilter/cmd/proxyfilter/takeover"
)

const (
	// noTakeover is the word for server.takeover.
	noTakeover = "none"

	// runtimeDirectory is where the socket for the next process is when systemd names
	// no directory (RuntimeDirectory=).
	runtimeDirectory = "/run/proxyfilter"

	// releasing is how long the process before us may take to stop accepting. It does
	// so at once, unless it is reading its configuration again.
	releasing = 10 * time.Second
)

// takeoverPath is where the next process asks; "" is nowhere.
func takeoverPath(c *config, environ []string) string {
	switch path := c.Server.Takeover; path {
	case noTakeover:
		return ""
	case "":
		dir := directory(environ, "RUNTIME_DIRECTORY")
		if dir == "" {
			dir = runtimeDirectory
		}
		return filepath.Join(dir, "takeover.sock")
	default:
		return path
	}
}

// predecessor asks the running process for its sockets, if it is wanted and there
// is one.
func (p *program) predecessor(c *config) (*takeover.Predecessor, error) {
	if !p.takeover {
		return nil, nil
	}
	path := takeoverPath(c, p.environ)
	if path == "" {
		return nil, exit{exitUsage, fmt.Errorf("proxyfilter: --takeover has nobody to ask while server.takeover is %q", noTakeover)}
	}
	before, err := takeover.Ask(path)
	switch {
	case errors.Is(err, takeover.ErrNobody):
		return nil, nil
	case err != nil:
		return nil, exit{exitTemporary, fmt.Errorf("proxyfilter: take over: %w", err)}
	}
	return before, nil
}

// nextSocket is where the next process asks. Without a socket, missing may say why
// there is none, when nobody has asked for one.
type nextSocket struct {
	socket  *takeover.Socket
	missing error
}

// openNext listens for the next process. A path that somebody has chosen must be
// usable; the default one need not be.
func openNext(c *config, environ []string, from supply) (nextSocket, error) {
	path := takeoverPath(c, environ)
	if path == "" {
		return nextSocket{}, nil
	}
	socket, err := from.listen(address{Network: "unix", Addr: path, Mode: 0o600})
	switch {
	case err == nil:
		return nextSocket{socket: socket}, nil
	case c.Server.Takeover == "":
		return nextSocket{missing: err}, nil
	}
	return nextSocket{}, fmt.Errorf("server.takeover: %w; choose another path, or %q", err, noTakeover)
}

// newOffer is nil when nobody can take over.
func (d *daemon) newOffer(open opened) *takeover.Offer {
	if err := open.next.missing; err != nil {
		e := d.log.Warn()
		if errors.Is(err, fs.ErrNotExist) { // of most who start it by hand
			e = d.log.Debug()
		}
		e.Err(err).Msg("no process can take over from this one")
	}
	if open.next.socket == nil {
		return nil
	}
	return &takeover.Offer{
		Socket: open.next.socket, Sockets: open.sockets(),
		Failed: func(err error) { d.log.Warn().Err(err).Msg("no takeover: this process goes on") },
	}
}

// offered yields the process that serves in our place, if one does before ctx ends.
func (d *daemon) offered(ctx context.Context) <-chan *takeover.Successor {
	next := make(chan *takeover.Successor, 1)
	if d.offer != nil {
		d.background.Go(func() {
			if s := d.offer.Wait(ctx); s != nil {
				next <- s
			}
		})
	}
	return next
}

// succeed tells the process before us that mail is taken here. It ends when its
// conversations have, and until then holds what two processes cannot.
func (d *daemon) succeed() {
	if d.before == nil {
		return
	}
	for _, place := range d.before.Rest() {
		d.log.Warn().Str("listener", place).Msg("the process before this one listens there, and this one does not")
	}
	err := d.before.Serving(releasing)
	e := d.log.Info()
	if err != nil {
		e = d.log.Warn().Err(err)
	}
	e.Int("pid", d.before.PID).Msg("taken over")
	d.background.Go(func() {
		select {
		case <-d.before.Gone():
			d.log.Info().Int("pid", d.before.PID).Msg("the process before this one has ended")
		case <-d.ended.Done():
		}
		d.before.Close()
		<-d.before.Gone()
	})
}

// handOver lets go of everything that the next process has. stop makes the relay
// accept nothing more. Who has asked at a page that very moment gets the answer of
// before: mail is taken all the time, so /readyz must not say otherwise.
func (d *daemon) handOver(next *takeover.Successor, stop context.CancelFunc) {
	d.manager.handedOver(next.PID)
	stop()
	for _, w := range d.webs {
		d.background.Go(func() { shut(d.ended, w, w.WriteTimeout) })
	}
	if err := next.Released(); err != nil {
		d.log.Warn().Err(err).Int("pid", next.PID).Msg("the next process was not told that it serves alone")
	}
	d.log.Info().Int("pid", next.PID).Int("conversations", d.server.Conversations()).
		Str("drain", formatSpan(d.config.Server.Drain)).Msg("handed over")
}

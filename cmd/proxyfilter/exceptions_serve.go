package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"time"

	"proxyfilter/filter/exceptions"
)

// watchExceptions keeps what is in force up to date until the daemon ends, and lets the
// command change it where this process alone has the store.
func (d *daemon) watchExceptions() {
	if d.exceptions == nil {
		return
	}
	d.background.Go(func() { d.exceptions.run(d.ended) })
	if file, is := d.store.(*fileStore); is {
		d.background.Go(func() { d.serveExceptions(file) })
	}
}

// serveExceptions answers at the socket beside the file once the file is ours. Without
// the socket mail goes on, and the command says that it cannot be done.
func (d *daemon) serveExceptions(file *fileStore) {
	select {
	case <-file.opened:
	case <-d.ended.Done():
		return
	}
	d.exceptions.look(d.ended, exceptionsTime)
	ln, err := listenUnix(address{Network: "unix", Addr: file.socket(), Mode: 0o600})
	if err != nil {
		d.log.Warn().Err(err).Msg("proxyfilter allow cannot be used while this process runs: no socket beside store.path")
		return
	}
	server := &http.Server{
		Handler: exceptionServer{
			keeper: exceptions.Book{Store: file}, now: d.exceptions.now,
			changed: func() { d.exceptions.look(d.ended, exceptionsTime) },
		}.handler(),
		ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 4 << 10,
		ErrorLog: log.New(complaints{d.log}, "", 0),
	}
	stop := context.AfterFunc(d.ended, func() { shut(context.Background(), server, time.Second) })
	defer stop()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		d.log.Error().Err(err).Msg("proxyfilter allow cannot be used any more: its socket has ended")
	}
}

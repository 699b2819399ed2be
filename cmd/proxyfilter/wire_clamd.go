package main

import (
	"github.com/rs/zerolog"

	"proxyfilter/filter/clamd"
)

// newVirusScanner is the client of clamd, or nil when there is none. Its Outage is that
// of spamd's (see newScanner).
func newVirusScanner(c *config, log zerolog.Logger) *clamd.Scanner {
	if c.Clamd.Server == (address{}) {
		return nil
	}
	return clamd.New(clamd.Config{
		Network: c.Clamd.Server.Network, Address: c.Clamd.Server.Addr, Slots: c.Clamd.Slots,
		ScanLimit: c.Clamd.ScanLimit, ConnectTimeout: c.Clamd.ConnectTimeout, Timeout: c.Clamd.Timeout,
		Wait: c.Budget.Wait, Outage: c.Budget.Verdict,
		Notice: func(n clamd.Notice) { virusNotice(log, n) },
	})
}

func virusNotice(log zerolog.Logger, n clamd.Notice) {
	e := log.Warn()
	if n.Event == clamd.ServerUp {
		e = log.Info()
	}
	e.Str("event", string(n.Event)).Str("server", n.Server).Msg("clamd")
}

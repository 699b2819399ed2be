package main

import (
	"cmp"
	"os"
	"strings"

	"github.com/rs/zerolog"

	"proxyfilter/filter"
	"proxyfilter/filter/clamd"
	"proxyfilter/filter/dkim"
	"proxyfilter/filter/spamd"
	"proxyfilter/relay"
)

// newServer is the relay, but for its Judge and its Record.
func newServer(c *config, environ []string, log zerolog.Logger) *relay.Server {
	hygiene := relay.Normalize
	if c.Server.Hygiene == "reject" {
		hygiene = relay.Strict
	}
	return &relay.Server{
		Hostname:       hostname(c),
		Allow:          c.Server.Allow,
		MaxConnections: c.Server.MaxConnections,
		IdleTimeout:    c.Server.IdleTimeout,
		Drain:          c.Server.Drain,
		MaxMessage:     c.Server.MaxMessage,
		Hygiene:        hygiene,
		Budget:         relay.Budget{Verdict: c.Budget.Verdict, Commit: c.Budget.Commit, Reply: c.Budget.Reply},
		AtMail:         c.Relay.Connect == "at-mail",
		Spool:          &relay.Spool{Dir: spoolDir(c, environ), Memory: c.Budget.Memory, SpillAt: c.Budget.SpillAt},
		Log:            log,
	}
}

// newDoors gives each open door its next hop. Doors with the same one share its
// connections, because its limit counts them together.
func newDoors(c *config, open []door, log zerolog.Logger) []relay.Door {
	hops := map[hopKey]*relay.NextHop{}
	doors := make([]relay.Door, 0, len(open))
	for _, d := range open {
		if hops[d.hop] == nil {
			hops[d.hop] = newNextHop(c, d.hop, log)
		}
		doors = append(doors, relay.Door{Name: d.name, Listener: d.Socket, NextHop: hops[d.hop]})
	}
	return doors
}

// hopKey tells next hops apart: where it is, and how it learns of the client.
type hopKey struct {
	address
	client string
}

func newNextHop(c *config, at hopKey, log zerolog.Logger) *relay.NextHop {
	client := relay.Xforward
	if at.client == "xclient" {
		client = relay.Xclient
	}
	return &relay.NextHop{
		Network: at.Network, Address: at.Addr, Hostname: hostname(c), Client: client,
		Connections: c.Relay.Connections, Idle: c.Relay.Idle, ConnectTimeout: c.Relay.ConnectTimeout,
		Log: log,
	}
}

// newScanner is the client of spamd, or nil when there is no server.
//
// The Outage is one message's time for a verdict: once nobody was answered for
// so long, the next client is told at once, and is not kept waiting in vain.
func newScanner(c *config, old *spamd.Scanner, log zerolog.Logger) *spamd.Scanner {
	if len(c.Spamd.Servers) == 0 {
		return nil
	}
	balance := spamd.LeastBusy
	if c.Spamd.Balance == "first" {
		balance = spamd.First
	}
	servers := make([]spamd.Server, len(c.Spamd.Servers))
	for i, a := range c.Spamd.Servers {
		servers[i] = spamd.Server{Network: a.Network, Address: a.Addr, Slots: c.Spamd.Slots}
	}
	return spamd.New(spamd.Config{
		Servers: servers, Balance: balance, User: c.Spamd.User, SharedUser: c.Spamd.SharedUser,
		ScanLimit: c.Spamd.ScanLimit, ConnectTimeout: c.Spamd.ConnectTimeout,
		Wait: c.Budget.Wait, Outage: c.Budget.Verdict, Signed: dkim.Verifier{}.MayBeValid,
		Inherit: old,
		Notice:  func(n spamd.Notice) { notice(log, n) },
	})
}

func notice(log zerolog.Logger, n spamd.Notice) {
	e := log.Warn()
	if n.Event == spamd.ServerUp {
		e = log.Info()
	}
	e.Str("event", string(n.Event)).Str("server", n.Server).Msg("spamd")
}

// judgeOf asks the scanners that there are under the policies of c.
func judgeOf(c *config, scanner *spamd.Scanner, viruses *clamd.Scanner) *filter.Judge {
	j := &filter.Judge{Lists: newLists(c), Policies: newPolicies(c), Signer: newSigner(), MailingList: newListFinder()}
	if scanner != nil {
		j.Scanners = []filter.Scanner{scanner}
	}
	if viruses != nil {
		j.Viruses = []filter.Scanner{viruses}
	}
	return j
}

// hostname is what we call ourselves in SMTP.
func hostname(c *config) string {
	own, _ := os.Hostname()
	return cmp.Or(c.Server.Hostname, own, "localhost")
}

// spoolDir is where systemd or the administrator want it. /tmp is often in RAM,
// so /var/tmp is the last resort.
func spoolDir(c *config, environ []string) string {
	if c.Budget.SpoolDir != "" {
		return c.Budget.SpoolDir
	}
	for _, name := range []string{"CACHE_DIRECTORY", "TMPDIR"} {
		if dir := directory(environ, name); dir != "" {
			return dir
		}
	}
	return "/var/tmp"
}

// directory is the one that a variable names, or "".
func directory(environ []string, name string) string {
	for _, v := range environ {
		if value, found := strings.CutPrefix(v, name+"="); found {
			first, _, _ := strings.Cut(value, ":") // systemd.exec(5): several are separated by colons
			return first
		}
	}
	return ""
}

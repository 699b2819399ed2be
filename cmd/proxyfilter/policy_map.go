package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"proxyfilter/filter"
	"proxyfilter/filter/socketmap"
)

// mapTime bounds what the map may cost one message, however many recipients it has.
const mapTime = 5 * time.Second

// policyMap asks the customers' database, and understands what it says.
type policyMap struct {
	table      *socketmap.Map
	known      map[string]bool // names of policies
	delimiters string
	log        zerolog.Logger
}

// newPolicyMap gives the judge a map only where there is one.
func newPolicyMap(c *config, table *socketmap.Map, log zerolog.Logger) filter.PolicyMap {
	if table == nil {
		return nil
	}
	m := policyMap{
		table: table, delimiters: c.Policy.RecipientDelimiter, log: log,
		known: map[string]bool{filter.DefaultPolicy: true, filter.OwnPolicy: true},
	}
	for i := range c.Policies {
		m.known[c.Policies[i].Name] = true
	}
	return m
}

// newTable is the map at its server, or nil when none is configured.
func newTable(c *config) *socketmap.Map {
	if c.Policy.PolicyMap == "" {
		return nil
	}
	at, name, err := parseSocketmap(c.Policy.PolicyMap)
	if err != nil {
		return nil // it was read before, when the configuration was
	}
	return &socketmap.Map{Network: at.Network, Address: at.Addr, Name: name}
}

// parseSocketmap reads what Postfix would: socketmap:unix:/path:name or
// socketmap:inet:host:port:name.
func parseSocketmap(s string) (at address, name string, err error) {
	rest, ok := strings.CutPrefix(s, "socketmap:")
	i := strings.LastIndexByte(rest, ':')
	if !ok || i < 0 {
		return at, "", wrongf("", "%s is not a socketmap", quote(s))
	}
	rest, name = rest[:i], rest[i+1:]
	server, isTCP := strings.CutPrefix(rest, "inet:")
	if !isTCP && !strings.HasPrefix(rest, "unix:") {
		return at, "", wrongf("", "%s says neither unix: nor inet:", quote(s))
	}
	if name == "" || !printable(name) || strings.ContainsAny(name, " /") {
		return at, "", wrongf("the name of the map stands at the end, behind a colon", "%s has no name of a map", quote(s))
	}
	at, err = parseAddress(server, forConnecting)
	return at, name, err
}

func socketmapRules() rules {
	return rules{want: `"socketmap:unix:/path:name", "socketmap:inet:host:port:name", or nothing`, check: func(s string) error {
		if s == "" {
			return nil
		}
		_, _, err := parseSocketmap(s)
		return err
	}}
}

// Assign asks about some recipients side by side; the map itself bounds how many.
func (m policyMap) Assign(ctx context.Context, recipients []string) []filter.Assignment {
	ctx, cancel := context.WithTimeout(ctx, mapTime)
	defer cancel()
	all := make([]filter.Assignment, len(recipients))
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(recipients); i = int(next.Add(1)) - 1 {
			all[i] = m.ask(ctx, recipients[i])
		}
	}
	var others sync.WaitGroup
	for range min(len(recipients), socketmap.DefaultConnections) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	return slices.DeleteFunc(all, func(a filter.Assignment) bool { return a.Recipient == "" })
}

// ask is the assignment of one recipient; without Recipient there is none.
func (m policyMap) ask(ctx context.Context, recipient string) filter.Assignment {
	answer, err := m.table.Lookup(ctx, filter.Unextended(recipient, m.delimiters))
	switch {
	case err != nil:
		return filter.Assignment{Recipient: recipient, Err: err.Error()}
	case !answer.Found:
		return filter.Assignment{}
	}
	a := m.read(answer.Value)
	a.Recipient, a.Stale = recipient, answer.Stale
	if !m.known[a.Policy] {
		m.log.Error().Str("recipient", cut(recipient, maxAddress)).Str("policy", a.Policy).
			Msg("the policy map names a policy that does not exist: the default policy applies")
	}
	return a
}

// maxAssigned bounds a policy's name and a mailbox: that of an address.
const maxAssigned = 255

// read reads "policy" or "policy mailbox". A mailbox that spamd would not take is none.
func (m policyMap) read(value string) filter.Assignment {
	policy, mailbox, _ := strings.Cut(strings.TrimSpace(value), " ")
	a := filter.Assignment{Policy: cut(policy, maxAssigned), Mailbox: strings.TrimSpace(mailbox)}
	if a.Policy == "" {
		a.Policy = "?"
	}
	if err := nameRules().check(a.Mailbox); err != nil {
		m.log.Error().Str("mailbox", cut(a.Mailbox, maxAssigned)).Msg("the policy map names a mailbox that cannot be a user of spamd: it is left out")
		a.Mailbox = ""
	}
	return a
}

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"proxyfilter/filter/spamd"
)

// maxNetworksNamed is how many a warning names.
const maxNetworksNamed = 5

// checkForwarders compares policy.forwarders with the hosts that SpamAssassin trusts,
// where its configuration can be read. What an untrusted forwarder hands on is scored by
// the forwarder's own address: its lists of bad hosts, its SPF. It is a warning at most,
// because this is about another program's configuration.
func (l *loaded) checkForwarders(at string) {
	forwarders := l.forwarders()
	if len(forwarders) == 0 || len(l.Spamd.Servers) == 0 {
		return
	}
	place, trust, err := l.trust(at)
	for _, f := range forwarders {
		p := problem{at: l.origins[f.key], key: f.key}
		if err != nil {
			p.what = fmt.Sprintf("not compared with SpamAssassin's trusted_networks: %v", err)
			p.hint = "look yourself whether they are in it: it scores what an untrusted host forwards by that host's address"
			l.warnings = append(l.warnings, p)
			continue
		}
		missing := slices.DeleteFunc(slices.Clone(f.networks), trust.Holds)
		if len(missing) == 0 {
			continue
		}
		p.what = fmt.Sprintf("SpamAssassin does not trust %s: what is forwarded from there is scored by that address, and not by the one behind it", networkNames(missing))
		p.hint = "add to trusted_networks in " + place + trustDoubt(trust)
		l.warnings = append(l.warnings, p)
	}
}

// forwarding is the hosts of one key.
type forwarding struct {
	key      string
	networks []netip.Prefix
}

// forwarders are those of [policy], and of each policy that has its own.
func (l *loaded) forwarders() []forwarding {
	all := []forwarding{{"policy.forwarders", l.Policy.Forwarders.all}}
	for i := range l.Policies {
		key := "policies." + l.Policies[i].Name + ".forwarders"
		if _, written := l.origins[key]; written {
			all = append(all, forwarding{key, l.Policies[i].Forwarders.all})
		}
	}
	return slices.DeleteFunc(all, func(f forwarding) bool { return len(f.networks) == 0 })
}

// networkNames are the first of some networks.
func networkNames(all []netip.Prefix) string {
	var names []string
	for _, p := range all[:min(len(all), maxNetworksNamed)] {
		if p.IsSingleIP() {
			names = append(names, p.Addr().String())
		} else {
			names = append(names, p.String())
		}
	}
	text := strings.Join(names, ", ")
	if more := len(all) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// trustDoubt says what was not read.
func trustDoubt(t *spamd.Trust) string {
	text := ""
	if !t.Set() {
		text += "; none are set there, so it trusts private addresses only"
	}
	if t.Conditional {
		text += "; lines between if and endif were left out"
	}
	if len(t.Unread) > 0 {
		text += "; not understood there: " + strings.Join(t.Unread, " ")
	}
	return text
}

var errElsewhere = errors.New("none of spamd.servers is on this host; name a copy of its configuration with --spamassassin")

// trust reads SpamAssassin's configuration at a place that was named, or where
// distributions have it.
func (l *loaded) trust(at string) (place string, t *spamd.Trust, err error) {
	places := []string{at}
	if at == "" {
		if !slices.ContainsFunc(l.Spamd.Servers, address.here) {
			return "", nil, errElsewhere
		}
		places = []string{"/etc/mail/spamassassin", "/etc/spamassassin"} // the order of SpamAssassin.pm
	}
	for _, place = range places {
		var files []string
		if files, err = siteFiles(place); err == nil {
			t, err = spamd.ReadTrust(files, readBounded)
			return place, t, err
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return "", nil, err
}

// here reports that a server is on this host.
func (a address) here() bool {
	host, _, err := net.SplitHostPort(a.Addr)
	if a.Network == "unix" || host == "localhost" {
		return true
	}
	addr, parsed := netip.ParseAddr(host)
	return err == nil && parsed == nil && addr.IsLoopback()
}

// maxSiteFiles bounds what is looked at in a directory.
const maxSiteFiles = 10_000

// siteFiles are the files that SpamAssassin reads of a directory, in its order; or the
// file itself.
func siteFiles(place string) ([]string, error) {
	info, err := os.Stat(place)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{place}, nil
	}
	dir, err := os.Open(place)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(maxSiteFiles)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name[0] == '.' || !strings.HasSuffix(strings.ToLower(name), ".cf") })
	slices.Sort(names)
	for i, name := range names {
		names[i] = filepath.Join(place, name)
	}
	return names, nil
}

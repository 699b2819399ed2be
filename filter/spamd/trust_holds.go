package spamd

import "net/netip"

// Set reports that the configuration names networks at all. Otherwise SpamAssassin
// guesses: it trusts hosts with private addresses (RFC 1918), and none behind them.
func (t *Trust) Set() bool { return t.trustedSet || t.internalSet }

// Holds reports that SpamAssassin trusts every host of a network.
//
// Which of several entries around an address counts depends on whether the host has the
// Perl module Net::Patricia: with it the narrowest, without it the first one. Only what
// both say is sure, and the manual asks for an order in which they agree.
func (t *Trust) Holds(network netip.Prefix) bool {
	network = wide(network)
	for _, own := range []string{"127.0.0.0/8", "::1/128"} { // always (Conf.pm, new_netset)
		if around(wide(netip.MustParsePrefix(own)), network) {
			return true
		}
	}
	entries := t.trusted
	switch {
	case t.trustedSet:
	case t.internalSet: // stands in for it (Received.pm)
		entries = t.internal
	default:
		return guessed(network)
	}
	first, narrowest := -1, -1
	for i, e := range entries {
		switch {
		case around(e.network, network):
			if first < 0 {
				first = i
			}
			if narrowest < 0 || e.network.Bits() > entries[narrowest].network.Bits() {
				narrowest = i
			}
		case e.excluded && around(network, e.network):
			return false // a part of it
		}
	}
	return first >= 0 && !entries[first].excluded && !entries[narrowest].excluded
}

// guessed reports a private network.
func guessed(network netip.Prefix) bool {
	for _, private := range []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"} {
		if around(wide(netip.MustParsePrefix(private)), network) {
			return true
		}
	}
	return false
}

// around reports that the outer network has all hosts of the inner one.
func around(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

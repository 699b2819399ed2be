package main

import (
	"net/netip"
	"strings"
)

// addresses is a list of addresses, each of them once.
func addresses(to *[]address, u use) value {
	return setting[[]address]{
		to: to,
		read: func(l literal) ([]address, error) {
			seen := map[address]bool{}
			return each(l, func(item string) (address, error) {
				a, err := parseAddress(item, u)
				if err == nil && seen[a] {
					err = wrongf("", "%s stands there twice", quote(item))
				}
				seen[a] = true
				return a, err
			})
		},
		show: quoteList[address],
		want: "a list of " + u.allowed(),
	}
}

// peer is one address to connect to.
func peer(to *address) value {
	return setting[address]{to, readAddress(forConnecting), func(a address) string { return quote(a.String()) }, forConnecting.allowed()}
}

// optional is one address or nothing.
func optional(to *address, u use) value {
	want := u.allowed()
	if u == forConnecting {
		want += `, or ""`
	}
	read := func(l literal) (address, error) {
		if s, err := scalar(l, kindText); err != nil || s == "" {
			return address{}, err
		}
		return readAddress(u)(l)
	}
	return setting[address]{to, read, func(a address) string { return quote(a.String()) }, want}
}

func readAddress(u use) func(literal) (address, error) {
	return func(l literal) (address, error) {
		s, err := scalar(l, kindText)
		if err != nil {
			return address{}, err
		}
		return parseAddress(s, u)
	}
}

// prefixes is a list of networks. A single address is a network of one.
func prefixes(to *[]netip.Prefix) value {
	return setting[[]netip.Prefix]{
		to:   to,
		read: func(l literal) ([]netip.Prefix, error) { return each(l, parsePrefix) },
		show: quoteList[netip.Prefix],
		want: `a list of networks such as "192.0.2.0/24", "2001:db8::/32" or "::1"`,
	}
}

func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, wrongf("", "%s is not a network", quote(s))
	}
	if p.Masked() != p {
		return p, wrongf("did you mean "+quote(p.Masked().String())+"?", "%s has bits beyond its prefix length", quote(s))
	}
	return p, nil
}

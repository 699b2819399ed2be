package spamd

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// Trust is what SpamAssassin's configuration says of hosts that hand mail on to us
// (trusted_networks, internal_networks; Mail::SpamAssassin::Conf). SpamAssassin looks
// for the sender's host behind those that it trusts; what an untrusted one hands on is
// scored by the address of that one.
//
// It is read as SpamAssassin 4.0 reads it. What stands between "if" and "endif" is left
// out, because nobody here knows whether the condition holds.
type Trust struct {
	trusted, internal       []trustEntry
	trustedSet, internalSet bool

	Conditional bool     // there were lines inside "if" that were left out
	Unread      []string // the first entries that could not be read, such as ranges
}

// trustEntry is one word of such a line.
type trustEntry struct {
	network  netip.Prefix // IPv4 is written as IPv6 (::ffff:0:0/96), so that ::/0 is everything
	excluded bool         // written with "!"
}

// The bounds of a configuration that is read. A site's own is some ten small files.
const (
	maxTrustFiles  = 1000
	maxTrustBytes  = 16 << 20
	maxUnread      = 20
	maxUnreadBytes = 50 // of one; the longest address is shorter
)

// ReadTrust reads the files of a site, in their order, with those that they include.
// Read gives the content of one.
func ReadTrust(files []string, read func(name string) ([]byte, error)) (*Trust, error) {
	t := &Trust{}
	count, size := 0, 0
	var follow func(name string, depth int) error
	follow = func(name string, depth int) error {
		if count++; count > maxTrustFiles {
			return fmt.Errorf("SpamAssassin's configuration: more than %d files; does one include itself?", maxTrustFiles)
		}
		text, err := read(name)
		if err != nil {
			return fmt.Errorf("SpamAssassin's configuration: %w", err)
		}
		if size += len(text); size > maxTrustBytes {
			return fmt.Errorf("SpamAssassin's configuration: more than %d bytes", maxTrustBytes)
		}
		return t.read(name, string(text), depth, follow)
	}
	for _, name := range files {
		if err := follow(name, 0); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// read reads one file (Conf/Parser.pm, parse), which stands within so many conditions. Its
// end ends its own.
func (t *Trust) read(name, text string, depth int, include func(string, int) error) error {
	outer := depth
	for line := range strings.Lines(text) {
		key, value := trustLine(line)
		switch {
		case key == "if" || key == "ifplugin":
			depth++
		case key == "endif":
			depth = max(outer, depth-1)
		case key == "include": // also inside a condition, as SpamAssassin does: it reads files first
			if !filepath.IsAbs(value) {
				value = filepath.Join(filepath.Dir(name), value)
			}
			if err := include(value, depth); err != nil {
				return err
			}
		case !strings.HasSuffix(key, "trusted_networks") && !strings.HasSuffix(key, "internal_networks"):
		case depth > 0:
			t.Conditional = true
		default:
			t.set(key, value)
		}
	}
	return nil
}

// trustLine is the name of a setting, and what it is set to.
func trustLine(line string) (key, value string) {
	if i := strings.IndexByte(line, '#'); i >= 0 {
		line = line[:i] // an escaped "\#" is in no address
	}
	key, value, _ = strings.Cut(strings.Join(strings.Fields(line), " "), " ")
	return strings.ReplaceAll(strings.ToLower(key), "-", "_"), value
}

func (t *Trust) set(key, value string) {
	switch key {
	case "clear_trusted_networks":
		t.trusted, t.trustedSet = nil, false
	case "clear_internal_networks":
		t.internal, t.internalSet = nil, false
	case "trusted_networks":
		t.trusted, t.trustedSet = t.entries(t.trusted, value), true
	case "internal_networks":
		t.internal, t.internalSet = t.entries(t.internal, value), true
	}
}

func (t *Trust) entries(all []trustEntry, value string) []trustEntry {
	for word := range strings.FieldsSeq(value) {
		e, ok := readTrustEntry(word)
		switch {
		case ok:
			all = append(all, e)
		case len(t.Unread) < maxUnread:
			t.Unread = append(t.Unread, word[:min(len(word), maxUnreadBytes)])
		}
	}
	return all
}

// readTrustEntry reads an address or a network (NetSet.pm, add_cidr): "192.0.2.7",
// "192.0.2.0/24", "192.0.2." or "192.0.2", "2001:db8::/32", "[2001:db8::1]", and "!" in
// front of what is excluded. A range with a dash needs a module that few have.
func readTrustEntry(word string) (e trustEntry, ok bool) {
	word, e.excluded = strings.CutPrefix(word, "!")
	host, mask, masked := strings.Cut(word, "/")
	if inside, found := strings.CutPrefix(host, "["); found {
		host = strings.TrimSuffix(inside, "]")
	}
	host, _, _ = strings.Cut(host, "%")
	addr, bits, ok := trustAddr(host)
	if !ok {
		return e, false
	}
	if masked {
		n, err := strconv.ParseUint(mask, 10, 8)
		if err != nil {
			return e, false
		}
		bits = int(n)
	}
	e.network = wide(netip.PrefixFrom(addr, bits))
	return e, e.network.IsValid()
}

// trustAddr is an address, and how many bits of it there are.
func trustAddr(host string) (netip.Addr, int, bool) {
	if strings.Contains(host, ":") {
		addr, err := netip.ParseAddr(host)
		return addr, 128, err == nil
	}
	octets := strings.Split(strings.TrimSuffix(host, "."), ".")
	if len(octets) > 4 {
		return netip.Addr{}, 0, false
	}
	var all [4]byte
	for i, s := range octets {
		n, err := strconv.ParseUint(s, 10, 8)
		if err != nil {
			return netip.Addr{}, 0, false
		}
		all[i] = byte(n)
	}
	return netip.AddrFrom4(all), 8 * len(octets), true
}

// wide is a network in the form in which all are compared.
func wide(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4() && p.Bits() >= 0 {
		p = netip.PrefixFrom(netip.AddrFrom16(p.Addr().As16()), p.Bits()+96)
	}
	return p.Masked()
}

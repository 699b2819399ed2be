package filter

import (
	"net/netip"
	"slices"
)

// networks finds the narrowest networks around an address. A lookup costs one
// look into a map for each prefix length in use, however many networks there are:
// a handful of lengths in practice, so that a radix tree would be no faster, and
// would be a module of others in a package that has none.
type networks[T any] struct {
	entries map[netip.Prefix]T
	lengths [2][]int // of IPv4 and of IPv6, the longest first
}

// Networks is a set of networks. Its size does not matter to a lookup. A nil set is
// empty.
type Networks struct{ networks[struct{}] }

// NewNetworks makes a set.
func NewNetworks(all []netip.Prefix) *Networks {
	s := &Networks{}
	for _, p := range all {
		s.set(p, struct{}{})
	}
	return s
}

// find is the narrowest network of the set around an address.
func (s *Networks) find(addr netip.Addr) (netip.Prefix, bool) {
	if s == nil {
		return netip.Prefix{}, false
	}
	p := s.narrowest(addr)
	return p, p.IsValid()
}

func (n *networks[T]) set(p netip.Prefix, value T) {
	if n.entries == nil {
		n.entries = map[netip.Prefix]T{}
	}
	p = prefix(p)
	n.entries[p] = value
	lengths := &n.lengths[family(p.Addr())]
	if i, found := slices.BinarySearchFunc(*lengths, p.Bits(), func(a, b int) int { return b - a }); !found {
		*lengths = slices.Insert(*lengths, i, p.Bits())
	}
}

func (n *networks[T]) get(p netip.Prefix) T { return n.entries[prefix(p)] }

// around gives the networks that hold the address, the narrowest first, until
// yield is false. None holds an address that is not known.
func (n *networks[T]) around(addr netip.Addr, yield func(netip.Prefix, T) bool) {
	addr = addr.Unmap().WithZone("")
	if !addr.IsValid() {
		return
	}
	for _, bits := range n.lengths[family(addr)] {
		p, err := addr.Prefix(bits)
		if err != nil {
			return
		}
		if value, found := n.entries[p]; found && !yield(p, value) {
			return
		}
	}
}

// narrowest is the first of around.
func (n *networks[T]) narrowest(addr netip.Addr) (found netip.Prefix) {
	n.around(addr, func(p netip.Prefix, _ T) bool {
		found = p
		return false
	})
	return found
}

func family(addr netip.Addr) int {
	if addr.Is4() {
		return 0
	}
	return 1
}

// prefix is the one form of a network: masked, and IPv4 as IPv4.
func prefix(p netip.Prefix) netip.Prefix {
	if addr := p.Addr(); addr.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(addr.Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

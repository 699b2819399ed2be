package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
)

// fingerprint names what decides about mail: policies, lists with what is in their
// files, limits of time and size. Two hosts with the same one filter alike.
//
// Where things are, what they are called and how much a host can do at once is each
// host's own matter. Which spamd and clamd are asked is, too, but not whether any is.
func (c *config) fingerprint() string {
	sum := sha256.New()
	for _, k := range c.allKeys() {
		if !ownMatter(k) {
			fmt.Fprintf(sum, "%s = %s\n", k.name, decides(k.value))
		}
	}
	fmt.Fprintf(sum, "scanned = %t %t\n", len(c.Spamd.Servers) > 0, c.Clamd.Server != address{})
	return hex.EncodeToString(sum.Sum(nil))[:12]
}

// decides is what of a value decides: of a list its members, wherever they are
// written down, and in whatever order.
func decides(v value) string {
	if l, is := v.(interface{ members() string }); is {
		return l.members()
	}
	return v.String()
}

// members digests the entries of a list. That it was written and is empty is told from
// that it was not: a policy for nobody is not one for everybody.
func (v listing[T]) members() string {
	all := make([]string, len(v.to.all))
	for i, item := range v.to.all {
		all[i] = fmt.Sprint(item)
	}
	slices.Sort(all)
	sum := sha256.New()
	for _, item := range slices.Compact(all) {
		fmt.Fprintln(sum, item)
	}
	return fmt.Sprintf("%t %x", len(v.to.written) > 0, sum.Sum(nil))
}

// ownMatter says that a key is about the host, and not about what becomes of mail.
func ownMatter(k key) bool {
	if ownSection(k) {
		return true
	}
	switch k.last() {
	case "listen", "next_hop", "servers", "server", "spool_dir", "takeover", "panic_file": // where
		return true
	case "hostname", "authserv_id", "allow": // who
		return true
	case "max_connections", "connections", "idle", "slots", "balance", "memory", "spill_at": // how much
		return true
	case "idle_timeout", "connect_timeout", "drain": // how far away
		return true
	}
	return false
}

// ownSection is one of what a host remembers and tells.
func ownSection(k key) bool {
	switch k.section() {
	case "log", "status", "metrics", "journal", "store":
		return true
	}
	return false
}

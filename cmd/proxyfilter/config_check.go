package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// proxyTimeout is Postfix's default for smtpd_proxy_timeout, after which it
// answers the client without us.
const proxyTimeout = 100 * time.Second

// crossChecks finds what only two values together show. Values with a problem
// of their own are left alone: one mistake must not be reported twice.
func (l *loader) crossChecks() {
	l.checkBudget()
	l.checkDoors()
	l.checkAllow()
	l.checkSmall()
	l.checkClamd()
	l.checkJournal()
	l.checkStatus()
	l.checkStore()
	l.checkPolicies()
	l.checkGuard()
}

// conflict reports a problem of several keys, at the one that was set last.
func (l *loader) conflict(hint, what string, keys ...string) {
	if at, sound := l.latest(keys); sound {
		l.problems = append(l.problems, problem{at: at, what: what, hint: hint})
	}
}

func (l *loader) warn(hint, what string, keys ...string) {
	if at, sound := l.latest(keys); sound {
		l.warnings = append(l.warnings, problem{at: at, what: what, hint: hint})
	}
}

func (l *loader) latest(keys []string) (at origin, sound bool) {
	for _, k := range keys {
		if l.bad[k] {
			return at, false
		}
		if o := l.origins[k]; o.compare(at) > 0 {
			at = o
		}
	}
	return at, true
}

// checkScores compares the limits of one policy. What is wrong in [policy] is not
// said again of those that have it from there.
func (l *loader) checkScores(at string, p *policyConfig) {
	inherited := func(names ...string) bool {
		return at != "policy" && !slices.ContainsFunc(names, func(name string) bool { _, set := l.origins[at+"."+name]; return set })
	}
	if p.TagAt > 0 && p.RejectAt > 0 && p.TagAt > p.RejectAt && !inherited("tag_at", "reject_at") {
		l.conflict("did you swap them?", fmt.Sprintf("%s.reject_at %g is below %[1]s.tag_at %[3]g", at, p.RejectAt, p.TagAt),
			at+".reject_at", at+".tag_at", "policy.reject_at", "policy.tag_at")
	}
	limit := p.ForwardedRejectAt
	if len(p.Forwarded.all) > 0 && (limit == 0 || p.RejectAt > 0 && limit >= p.RejectAt) && !inherited("forwarded", "forwarded_reject_at") {
		l.warn("set it below reject_at", at+".forwarded has no effect: its limit is not the lower one",
			at+".forwarded", at+".forwarded_reject_at", at+".reject_at")
	}
	if !inherited("reject_text") && !strings.Contains(p.RejectText, "{id}") {
		l.warn("write {id} into it", at+".reject_text has no reference: a refused sender can name nothing to look for", at+".reject_text")
	}
	if !inherited("contact", "reject_text") && p.Contact != "" && !strings.Contains(p.RejectText, "{contact}") {
		l.warn("write {contact} into "+at+".reject_text", at+".contact has no effect", at+".contact", at+".reject_text")
	}
}

// checkBudget keeps the clock in order: each limit is for what is left after
// the one before.
func (l *loader) checkBudget() {
	b := l.Budget
	names := []string{"budget.wait", "budget.verdict", "budget.commit", "budget.reply"}
	times := []time.Duration{b.Wait, b.Verdict, b.Commit, b.Reply}
	for i := 1; i < len(times); i++ {
		if times[i] <= times[i-1] {
			l.conflict("the order is wait, verdict, commit, reply",
				fmt.Sprintf("%s %s is not above %s %s", names[i], formatSpan(times[i]), names[i-1], formatSpan(times[i-1])),
				names[i], names[i-1])
		}
	}
	if b.Reply >= proxyTimeout {
		l.warn("raise smtpd_proxy_timeout in main.cf above it, or lower it", fmt.Sprintf(
			"budget.reply %s is not below Postfix's default smtpd_proxy_timeout of 100s: Postfix would answer the client before us", formatSpan(b.Reply)),
			"budget.reply")
	}
	if l.Server.Drain < b.Reply {
		l.warn("", fmt.Sprintf("server.drain %s is below budget.reply %s: a stop can cut a message short, and its client tries again",
			formatSpan(l.Server.Drain), formatSpan(b.Reply)), "server.drain", "budget.reply")
	}
	if b.SpillAt > b.Memory {
		l.conflict("did you swap them?", fmt.Sprintf("budget.spill_at %s is above budget.memory %s", formatSize(b.SpillAt), formatSize(b.Memory)),
			"budget.spill_at", "budget.memory")
	}
}

// checkSmall finds settings that have no effect, or none that was meant.
func (l *loader) checkSmall() {
	if len(l.Spamd.Servers) == 0 {
		l.warn("", "spamd.servers is empty: no mail is scanned", "spamd.servers")
	}
	if l.Relay.Idle > l.Relay.Connections {
		l.conflict("did you swap them?", fmt.Sprintf("relay.idle %d is above relay.connections %d", l.Relay.Idle, l.Relay.Connections),
			"relay.idle", "relay.connections")
	}
	if l.Spamd.SharedUser != "" && !strings.Contains(l.Spamd.User, "{recipient}") {
		l.warn("", "spamd.shared_user has no effect while spamd.user does not contain {recipient}", "spamd.shared_user", "spamd.user")
	}
}

func (l *loader) checkJournal() {
	if j := l.Journal; j.KeepAddresses > j.Keep {
		l.warn("", fmt.Sprintf("journal.keep_addresses %s is above journal.keep %s, when everything goes",
			formatSpan(j.KeepAddresses), formatSpan(j.Keep)), "journal.keep_addresses", "journal.keep")
	}
}

// checkStatus keeps profiles from other hosts: they cost time, and show what the
// program is doing.
func (l *loader) checkStatus() {
	if l.Status.Pprof && !l.Status.Listen.loopback() {
		l.conflict("make an SSH tunnel to a loopback address", fmt.Sprintf("status.pprof: %s can be reached from elsewhere", quote(l.Status.Listen.String())),
			"status.pprof", "status.listen")
	}
	if mode := l.Status.Details.Mode; mode&0o007 != 0 {
		l.conflict("write mode=0660 and a group", fmt.Sprintf("status.details: with mode=0%o every user of this host can read addresses", mode), "status.details")
	}
	if l.Status.TokenFile != "" && !l.Status.Listen.loopback() {
		l.warn("make an SSH tunnel to a loopback address", "status.token_file: the token and what it opens go over the network as they are", "status.token_file", "status.listen")
	}
}

// checkAllow wants an open door to be written down twice: in a listen key, and
// in server.allow.
func (l *loader) checkAllow() {
	var open, everybody bool
	for _, p := range l.Server.Allow {
		open = open || !p.Addr().Unmap().IsLoopback()
		everybody = everybody || p.Bits() == 0
	}
	for _, d := range l.doors() {
		for _, a := range d.addrs {
			if !a.loopback() && !open {
				l.conflict("add the addresses of Postfix to server.allow",
					fmt.Sprintf("%s: %s can be reached from elsewhere, but server.allow admits only loopback", d.key, quote(a.String())),
					d.key, "server.allow")
			}
		}
	}
	if len(l.Server.Allow) == 0 {
		l.conflict("", "server.allow admits nobody", "server.allow")
	}
	if everybody {
		l.warn("name Postfix's own addresses", "server.allow admits every address: whoever reaches the port can hand mail to the next hop", "server.allow")
	}
}

// meets reports whether a connection to b would arrive at a.
func (a address) meets(b address) bool {
	if a.Network != b.Network || a.Network == "systemd" {
		return false
	}
	if a.Network == "unix" {
		return a.Addr == b.Addr
	}
	hostA, portA, _ := net.SplitHostPort(a.Addr)
	hostB, portB, _ := net.SplitHostPort(b.Addr)
	if portA != portB || portA == "0" {
		return false
	}
	ipA, ipB := hostIP(hostA), hostIP(hostB)
	anywhere := ipA.IsUnspecified() && (ipB.IsLoopback() || ipB.IsUnspecified()) || ipB.IsUnspecified() && ipA.IsLoopback()
	return anywhere || ipA.IsValid() && ipA == ipB || !ipA.IsValid() && strings.EqualFold(hostA, hostB)
}

// hostIP is the address of a literal, of nothing, or of localhost.
func hostIP(host string) netip.Addr {
	switch strings.ToLower(host) {
	case "":
		return netip.IPv6Unspecified()
	case "localhost":
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	addr, _ := netip.ParseAddr(host)
	return addr.Unmap()
}

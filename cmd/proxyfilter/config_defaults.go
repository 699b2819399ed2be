package main

import (
	"net/netip"
	"os"
	"strings"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/journal"
)

// defaultFile is read when -c names no other file. It may be missing.
const defaultFile = "/etc/proxyfilter/proxyfilter.toml"

// defaults is a configuration that serves beside the Postfix of this host.
//
// The clock ends at 95 s because Postfix's smtpd_proxy_timeout is 100 s. The
// refusal at 10.0 is where SpamAssassin's own statistics show no false positive
// in any rule set.
func defaults(format string) config {
	loopback := func(port string) address { return address{Network: "tcp", Addr: "127.0.0.1:" + port} }
	return config{
		Server: serverConfig{
			Listen:         []address{loopback("10024")},
			Allow:          []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
			MaxConnections: 2000,
			IdleTimeout:    310 * time.Second,
			Hygiene:        "normalize",
			Drain:          100 * time.Second,
		},
		Relay: relayConfig{
			NextHop: loopback("10025"), Client: "xforward", Connect: "after-verdict",
			Connections: 50, Idle: 4, ConnectTimeout: 5 * time.Second,
		},
		Budget: budgetConfig{
			Wait: 20 * time.Second, Verdict: 45 * time.Second, Commit: 60 * time.Second, Reply: 95 * time.Second,
			Memory: 256 << 20, SpillAt: 256 << 10,
		},
		Spamd: spamdConfig{
			Servers: []address{loopback("783")}, Balance: "least-busy", Slots: 4,
			ScanLimit: 8 << 20, ConnectTimeout: 2 * time.Second,
		},
		Clamd: clamdConfig{
			Slots: 8, ScanLimit: 25 << 20, ConnectTimeout: 2 * time.Second, Timeout: 30 * time.Second, OnScanFailure: "defer",
		},
		Policy: policyConfig{
			Virus: "reject",
			Mode:  "enforce", RejectAt: 10, OnScanFailure: "defer", OnBusy: "defer",
			RejectText: filter.DefaultRejectText, Headers: "all",
			PanicFile: "/etc/proxyfilter/panic", ForwardedRejectAt: 7, Mixed: "lenient", SpeedAdjust: "on", OnMapFailure: "default",
		},
		Guard: defaultGuard(), Log: logConfig{Level: "info", Format: format},
		Status: statusConfig{Listen: loopback("10088"), Details: defaultDetails()},
		Store:  storeConfig{Kind: "embedded", Path: "/var/lib/proxyfilter/state.db"},
		Journal: journalConfig{
			Dir: "/var/lib/proxyfilter/journal", Keep: journal.DefaultKeep, KeepAddresses: journal.DefaultKeepAddresses,
		},
	}
}

// defaultFormat is "json" in a container, where a program reads the log, and
// "postfix" elsewhere, where an administrator does.
//
// A container is where /.dockerenv (Docker) or /run/.containerenv (Podman)
// exists, where $container is set (systemd-nspawn, LXC), or where Kubernetes
// announces itself.
func defaultFormat(environ []string) string {
	for _, v := range environ {
		if strings.HasPrefix(v, "container=") || strings.HasPrefix(v, "KUBERNETES_SERVICE_HOST=") {
			return "json"
		}
	}
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(mark); err == nil {
			return "json"
		}
	}
	return "postfix"
}

package main

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// waiting is what one conversation may hold besides its message.
const waiting = 40 << 10

// unit are the settings of examples/systemd/proxyfilter.service.
func unit(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../examples/systemd/proxyfilter.service")
	if err != nil {
		t.Fatal(err)
	}
	set := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(strings.TrimSpace(line), "="); found && !strings.HasPrefix(key, "#") {
			set[key] = value
		}
	}
	return set
}

// The unit bounds the process, the configuration bounds what the process does. A
// default that is changed on one side alone would have the kernel kill it under load.
func TestTheUnitAllowsWhatTheDefaultsNeed(t *testing.T) {
	set, c := unit(t), defaults("postfix")
	memory, err := parseSize(set["MemoryMax"])
	if err != nil {
		t.Fatal(err)
	}
	// What the collector has not yet taken away may be as much as what is in use.
	if need := 2*int64(c.Budget.Memory) + int64(c.Server.MaxConnections)*waiting; memory < need || memory > 2*need {
		t.Errorf("MemoryMax is %d; budget.memory and server.max_connections need %d, and twice that is too much", memory, need)
	}
	stop, err := time.ParseDuration(set["TimeoutStopSec"])
	if err != nil || stop <= c.Server.Drain {
		t.Errorf("TimeoutStopSec=%s ends the process before server.drain, %s (%v)", set["TimeoutStopSec"], c.Server.Drain, err)
	}
	// A connection, a spool file and a connection to the next hop or spamd for each.
	if files, err := strconv.Atoi(set["LimitNOFILE"]); err != nil || files < 3*c.Server.MaxConnections {
		t.Errorf("LimitNOFILE=%s is below %d (%v)", set["LimitNOFILE"], 3*c.Server.MaxConnections, err)
	}
	for key, want := range map[string]string{
		"StateDirectory": "proxyfilter", "RuntimeDirectory": "proxyfilter", "CacheDirectory": "proxyfilter",
		"SyslogFacility": "mail", "SyslogIdentifier": "proxyfilter", "RestartPreventExitStatus": "2",
	} {
		if set[key] != want {
			t.Errorf("%s=%s, want %s", key, set[key], want)
		}
	}
}

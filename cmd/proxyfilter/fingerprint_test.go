package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// anotherHost is a host of its own: all that may differ between two hosts does.
const anotherHost = `
[listeners.submission]
listen = ["127.0.0.9:10026"]
next_hop = "127.0.0.9:10027"
policy = "own"
[server]
listen = ["127.0.0.9:10024"]
hostname = "mx9.example.org"
authserv_id = "mx9.example.org"
allow = ["127.0.0.9"]
max_connections = 5
idle_timeout = "9s"
drain = "96s"
takeover = "/run/nine"
[relay]
next_hop = "127.0.0.9:10025"
connections = 9
idle = 9
connect_timeout = "9s"
[budget]
memory = "9MB"
spill_at = "9KB"
spool_dir = "/nine"
[spamd]
servers = ["127.0.0.9:783"]
balance = "first"
slots = 9
connect_timeout = "900ms"
[clamd]
slots = 9
connect_timeout = "900ms"
[policy]
panic_file = "/nine"
[log]
level = "warn"
format = "console"
[status]
listen = "127.0.0.9:10088"
[metrics]
listen = "127.0.0.9:10089"
[journal]
dir = "/nine"
keep = "9d"
keep_addresses = "2d"
subject = true
[store]
path = "/nine/state.db"
`

func TestTheFingerprintCoversWhatDecidesAndNothingElse(t *testing.T) {
	const door = "[listeners.submission]\nlisten = [\"127.0.0.1:10026\"]\npolicy = \"own\"\n"
	base, err := load(sources{file: write(t, door)})
	if err != nil {
		t.Fatal(err)
	}
	other, err := load(sources{file: write(t, anotherHost)})
	if err != nil {
		t.Fatal(err)
	}
	if base.fingerprint() != other.fingerprint() {
		t.Error("two hosts that decide alike differ")
	}
	// A key that is in neither text has been forgotten here, or in ownMatter.
	next, err := load(sources{file: write(t, otherwise)})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range next.allKeys() {
		_, hosts := other.origins[k.name]
		_, decided := next.origins[k.name]
		switch {
		case strings.HasPrefix(k.name, "policies."), k.name == "listeners.submission.client", k.name == "clamd.server":
		case ownSection(k): // whatever is added there
		case ownMatter(k) && !hosts:
			t.Errorf("%s is a host's own, and no test has another value for it", k.name)
		case !ownMatter(k) && !decided && !restarts(k.name):
			t.Errorf("%s: does it decide about mail?", k.name)
		}
	}
}

// restarts names what decides and needs a restart, which the text of the reload test
// leaves alone.
func restarts(name string) bool {
	return slices.Contains([]string{
		"server.max_message", "server.hygiene", "relay.client", "relay.connect",
		"budget.verdict", "budget.commit", "budget.reply",
	}, name)
}

func TestEachDecisionIsInTheFingerprint(t *testing.T) {
	print := func(t *testing.T, text string) string {
		c, err := load(sources{file: write(t, text)})
		if err != nil {
			t.Fatal(err)
		}
		return c.fingerprint()
	}
	seen := map[string]string{print(t, ""): "the defaults"}
	for _, line := range []string{
		"[policy]\nreject_at = 9.0", "[policy]\ntag_at = 4.0", "[policy]\nmode = \"observe\"", "[policy]\nfields = [\"X-A: b\"]",
		"[policy]\nforwarded = [\"example.org\"]", "[policy]\nforwarders = [\"192.0.2.1\"]", "[policy]\nmixed = \"strict\"",
		"[policies.a]\nrecipients = [\"example.org\"]", "[policies.a]\nrecipients = [\"example.com\"]", "[policies.b]\nrecipients = [\"example.org\"]",
		"[policies.a]\nclients = [\"192.0.2.1\"]", "[policies.a]\nrecipients = [\"example.org\"]\nreject_at = 9.0",
		"[lists]\naccept_clients = [\"192.0.2.1\"]", "[lists]\nrefuse_clients = [\"192.0.2.1\"]", "[lists]\naccept_senders = [\"a.example\"]",
		"[lists]\naccept_recipients = [\"a.example\"]", "[lists]\nrefuse_recipients = [\"a.example\"]",
		"[lists]\nrefuse_senders = [\"a.example\"]", "[lists]\naccept_signed = [\"a.example\"]",
		"[spamd]\nservers = []", "[spamd]\nuser = \"mail\"", "[spamd]\nscan_limit = \"1MB\"",
		"[clamd]\nserver = \"127.0.0.1:3310\"", "[clamd]\non_scan_failure = \"accept\"", "[policy]\nvirus = \"tag\"",
		"[server]\nhygiene = \"reject\"", "[server]\nmax_message = \"1MB\"", "[relay]\nconnect = \"at-mail\"", "[relay]\nclient = \"xclient\"",
		"[budget]\nwait = \"5s\"", "[budget]\nverdict = \"40s\"", "[budget]\ncommit = \"59s\"", "[budget]\nreply = \"90s\"",
	} {
		f := print(t, line+"\n")
		if before, again := seen[f]; again {
			t.Errorf("%q has the fingerprint of %q", line, before)
		}
		seen[f] = line
	}
}

func TestTheFingerprintIsOfWhatIsInListsAndNotOfHowTheyAreWritten(t *testing.T) {
	dir := t.TempDir()
	print := func(t *testing.T, name, content, list string) string {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "proxyfilter.toml")
		if err := os.WriteFile(file, fmt.Appendf(nil, "[policy]\nforwarded = %s\n", list), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := load(sources{file: file})
		if err != nil {
			t.Fatal(err)
		}
		return c.fingerprint()
	}
	first := print(t, "a", "one.example\ntwo.example\n", `["@a"]`)
	if print(t, "b", "# sorted\ntwo.example\none.example\n", `["@b"]`) != first {
		t.Error("the name of the file or the order of its lines makes a difference")
	}
	if print(t, "a", "", `["two.example", "one.example"]`) != first {
		t.Error("that it is a file makes a difference")
	}
	if print(t, "a", "one.example\ntwo.example\nthree.example\n", `["@a"]`) == first {
		t.Error("an entry more makes none")
	}
	if print(t, "a", "", `["@a"]`) == print(t, "a", "", `[]`) {
		t.Error("a list that is empty seems to be one that is not there")
	}
}

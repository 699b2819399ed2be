package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// print writes the configuration as TOML. What is not a default says in a
// comment where it came from, and a [policies.NAME] has only what it changes.
func (l *loaded) print(w io.Writer) {
	section := ""
	for _, k := range l.allKeys() {
		at, set := l.origins[k.name]
		if strings.HasPrefix(k.name, "policies.") && !set {
			continue // it is as [policy] says
		}
		if k.section() != section {
			if section != "" {
				fmt.Fprintln(w)
			}
			section = k.section()
			fmt.Fprintf(w, "[%s]\n", section)
		}
		line := k.last() + " = " + k.value.String()
		if set {
			line += "  # " + strings.Map(oneLine, at.String())
		}
		fmt.Fprintln(w, line)
	}
}

// oneLine keeps an argument of -o, or a name, from ending its line.
func oneLine(r rune) rune {
	if r < ' ' || r == 0x7f {
		return '?'
	}
	return r
}

// sections is the configuration for JSON. A value as TOML is JSON too.
func (l *loaded) sections() map[string]map[string]json.RawMessage {
	all := map[string]map[string]json.RawMessage{}
	for _, k := range l.allKeys() {
		if all[k.section()] == nil {
			all[k.section()] = map[string]json.RawMessage{}
		}
		all[k.section()][k.last()] = json.RawMessage(k.value.String())
	}
	return all
}

// places is origins for JSON.
func (l *loaded) places() map[string]string {
	all := map[string]string{}
	for name, at := range l.origins {
		all[name] = at.String()
	}
	return all
}

// fingerprint names what decides about mail. Two hosts with the same one
// filter alike; addresses, directories and the log are each host's own. Which
// spamd is asked is a host's own matter too, but not whether any is.
func (c *config) fingerprint() string {
	sum := sha256.New()
	for _, k := range c.allKeys() {
		if !ownMatter(k) {
			fmt.Fprintf(sum, "%s = %s\n", k.name, content(k.value))
		}
	}
	fmt.Fprintf(sum, "scanned = %t\n", len(c.Spamd.Servers) > 0)
	return hex.EncodeToString(sum.Sum(nil))[:12]
}

// content is what two values are compared by.
func content(v value) string {
	if c, has := v.(interface{ content() string }); has {
		return c.content()
	}
	return v.String()
}

func ownMatter(k key) bool {
	switch k.section() {
	case "log", "status", "metrics", "journal", "store":
		return true
	}
	switch k.last() {
	case "listen", "hostname", "allow", "next_hop", "servers", "spool_dir":
		return true
	}
	return false
}

// changed lists the keys whose values differ, those that a reload takes over
// and those that need a restart.
func changed(before, after *config) (live, restart []string) {
	was := map[string]key{}
	for _, k := range before.allKeys() {
		was[k.name] = k
	}
	for _, k := range after.allKeys() {
		old, known := was[k.name]
		delete(was, k.name)
		switch {
		case known && content(old.value) == content(k.value):
		case k.live && (known || strings.HasPrefix(k.name, "policies.")):
			live = append(live, k.name)
		default:
			restart = append(restart, k.name)
		}
	}
	for _, k := range before.allKeys() {
		switch _, gone := was[k.name]; {
		case gone && strings.HasPrefix(k.name, "policies."):
			live = append(live, k.name)
		case gone:
			restart = append(restart, k.name)
		}
	}
	return live, restart
}

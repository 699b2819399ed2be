package main

import (
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

// content is what two values are compared by.
func content(v value) string {
	if c, has := v.(interface{ content() string }); has {
		return c.content()
	}
	return v.String()
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

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// keyHint looks for a key of the same section that is spelled alike, then for
// the same word in another section, then for any name that is near.
func (l *loader) keyHint(section, last string) string {
	names := slices.Sorted(maps.Keys(l.index))
	var here, elsewhere []string
	for _, name := range names {
		k := l.index[name]
		if k.section() == section {
			here = append(here, k.last())
		}
		if !strings.HasPrefix(name, "policies.") && k.last() == last {
			elsewhere = append(elsewhere, name)
		}
	}
	if (key{name: "." + last}).selects() && len(elsewhere) == 0 {
		elsewhere = []string{"policies.NAME." + last}
	}
	if len(elsewhere) > 0 {
		return "did you mean " + strings.Join(elsewhere, " or ") + "?"
	}
	if best, found := nearest(last, here); found {
		return fmt.Sprintf("did you mean %s?", best)
	}
	if best, found := nearest(section+"."+last, names); found {
		return fmt.Sprintf("did you mean %s?", best)
	}
	if len(here) > 0 {
		return fmt.Sprintf("[%s] has %s", section, strings.Join(here, ", "))
	}
	return ""
}

// named lists the NAMEs of [kind.NAME] that the document has, each where it is
// first named.
func (d document) named(kind string) []table {
	var found []table
	seen := map[string]bool{}
	add := func(path []string, line int) {
		if len(path) > 1 && path[0] == kind && !seen[path[1]] {
			seen[path[1]] = true
			found = append(found, table{path: path[:2], line: line})
		}
	}
	for _, t := range d.tables {
		add(t.path, t.line)
	}
	for _, e := range d.entries {
		if len(e.path) > 2 {
			add(e.path, e.line)
		}
	}
	return found
}

// addListeners makes room for the [listeners.NAME] of the document.
func (l *loader) addListeners(d document, at func(int) origin) {
	for _, s := range d.named("listeners") {
		name := s.path[1]
		switch {
		case name == firstDoor:
			l.complain(problem{at: at(s.line), what: fmt.Sprintf("a listener cannot be called %s", quote(name)), hint: "that is the one of server.listen"})
		case !sectionName(name):
			l.complain(problem{at: at(s.line), what: fmt.Sprintf("%s is not a name for a listener", quote(name)), allowed: allowedName})
		}
		l.Listeners = append(l.Listeners, listenerConfig{Name: name})
	}
}

const allowedName = "at most 32 letters, digits, hyphens and underscores"

// sectionName keeps names fit for a record and for a line of the log.
func sectionName(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return s != "" && len(s) <= 32 && strings.Trim(s, letters) == ""
}

// missingListen reports a front door without an address.
func (l *loader) missingListen(d document, at func(int) origin) {
	for _, c := range l.Listeners {
		name := "listeners." + c.Name
		if len(c.Listen) > 0 || l.bad[name+".listen"] {
			continue
		}
		where := at(0)
		if o, set := l.origins[name+".listen"]; set {
			where = o
		}
		for _, t := range d.tables {
			if strings.Join(t.path, ".") == name && where.line == 0 {
				where = at(t.line)
			}
		}
		l.complain(problem{at: where, key: name + ".listen", what: "no address to listen on", allowed: forListening.allowed()})
	}
}

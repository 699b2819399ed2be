package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// envPrefix begins every variable that is for this program.
const envPrefix = "PROXYFILTER_"

// readEnvironment takes over PROXYFILTER_SECTION_KEY. A variable with the
// prefix that means nothing is a problem, because it was meant for something.
func (l *loader) readEnvironment(environ []string) {
	known := map[string]key{}
	for _, k := range l.config.keys() {
		known[k.variable()] = k
	}
	for _, v := range slices.Sorted(slices.Values(environ)) {
		name, text, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, envPrefix) || serviceLink(name) {
			continue
		}
		at := origin{rank: fromEnvironment, name: name}
		if k, found := known[name]; found {
			l.set(k, at, literal{text: text})
			continue
		}
		p := problem{at: at, what: "unknown variable"}
		if strings.HasPrefix(name, envPrefix+"LISTENERS_") {
			p.hint = "[listeners.NAME] is set in the file only"
		} else if strings.HasPrefix(name, envPrefix+"POLICIES_") {
			p.hint = "[policies.NAME] is set in the file only"
		} else if best, found := nearest(name, slices.Sorted(maps.Keys(known))); found {
			p.hint = fmt.Sprintf("did you mean %s?", best)
		}
		l.complain(p)
	}
}

// serviceLink recognises the variables that Kubernetes and Docker links put into
// a container beside services called "proxyfilter" or "proxyfilter-smtp": nobody
// chose them. No key ends in _port, so every variable that does is one of them.
func serviceLink(name string) bool {
	rest := strings.TrimPrefix(name, envPrefix)
	if i := strings.Index("_"+rest, "_SERVICE_"); i >= 0 {
		rest = ("_" + rest)[i+1:]
	} else if i := strings.Index("_"+rest, "_PORT_"); i >= 0 {
		rest = ("_" + rest)[i+1:]
	}
	switch {
	case rest == "SERVICE_HOST", rest == "PORT", strings.HasSuffix(rest, "_PORT"), strings.HasPrefix(rest, "SERVICE_PORT_"):
		return true
	case strings.HasPrefix(rest, "PORT_"):
		digits := strings.TrimLeft(rest[len("PORT_"):], "0123456789")
		return strings.HasPrefix(digits, "_TCP") || strings.HasPrefix(digits, "_UDP")
	}
	return false
}

// readOption takes over one -o section.key=value.
func (l *loader) readOption(o string) {
	at := origin{rank: fromOption, name: withoutPassword(o)}
	name, text, found := strings.Cut(o, "=")
	name = strings.TrimSpace(name)
	if !found {
		l.complain(problem{at: at, what: "no value", hint: "write -o section.key=value"})
		return
	}
	for _, k := range l.config.keys() {
		if k.name == name {
			l.set(k, at, literal{text: strings.TrimSpace(text)})
			return
		}
	}
	p := problem{at: at, what: "unknown key " + withoutPassword(name)}
	dot := strings.LastIndexByte(name, '.')
	switch {
	case strings.HasPrefix(name, "listeners."):
		p.hint = "[listeners.NAME] is set in the file only"
	case strings.HasPrefix(name, "policies."):
		p.hint = "[policies.NAME] is set in the file only"
	default:
		p.hint = l.keyHint(name[:max(0, dot)], name[dot+1:])
	}
	l.complain(p)
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// sources is everything a configuration is made of, in the order in which one
// overrules the other: defaults, file, environment, options.
type sources struct {
	file     string
	required bool // the file was named by somebody, so it must exist
	environ  []string
	options  []string // arguments of -o
}

// with is the sources of a reload. A file that was read once must be there again:
// its loss would put the defaults in force, and make an observer refuse mail.
func (s sources) with(c loaded) sources {
	s.required = s.required || c.file != ""
	return s
}

// loaded is a configuration, and where each value came from.
type loaded struct {
	config
	file     string            // empty when there was none
	origins  map[string]origin // of what is not a default
	warnings []problem
}

// loader collects all problems; nothing stops it.
type loader struct {
	loaded
	index     map[string]key
	overrides []override
	bad       map[string]bool // keys with a problem, which cross checks leave alone
	problems  []problem
}

// load reads and checks a configuration. Its error has one line for each
// problem there is.
func load(s sources) (loaded, error) {
	l := loader{
		loaded: loaded{config: defaults(defaultFormat(s.environ)), origins: map[string]origin{}},
		bad:    map[string]bool{},
	}
	data, err := os.ReadFile(s.file)
	l.dir = filepath.Dir(s.file)
	switch {
	case err == nil:
		l.file = s.file
		l.readFile(s.file, parseTOML(data))
	case !s.required && errors.Is(err, fs.ErrNotExist):
		l.reindex()
	default:
		l.reindex()
		l.complain(problem{at: origin{rank: fromFile, name: s.file}, what: reasonOf(err)})
	}
	l.readEnvironment(s.environ)
	for _, o := range s.options {
		l.readOption(o)
	}
	l.inherit()
	l.withoutFile()
	l.crossChecks()
	return l.loaded, together(l.problems)
}

// reasonOf leaves out the path, which stands in front of the line already.
func reasonOf(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// reindex binds the keys to the config. Listeners and policies must not be added
// afterwards.
func (l *loader) reindex() {
	l.index = map[string]key{}
	for _, k := range l.allKeys() {
		l.index[k.name] = k
	}
}

func (l *loader) complain(p problem) {
	l.problems = append(l.problems, p)
	if p.key != "" {
		l.bad[p.key] = true
	}
}

// set gives a known key its value.
func (l *loader) set(k key, at origin, v literal) {
	err := k.value.set(v)
	if err == nil {
		l.origins[k.name] = at
		return
	}
	bad := []error{err}
	var several *multierror.Error
	if errors.As(err, &several) {
		bad = several.Errors
	}
	for _, err := range bad {
		p := problem{at: at, key: k.name, what: err.Error(), allowed: k.value.allowed()}
		var w wrong
		if errors.As(err, &w) {
			p.hint = w.hint
		}
		var e elsewhere
		if errors.As(err, &e) {
			p.at = e.at
		}
		l.complain(p)
	}
}

// readFile takes over what the document says.
func (l *loader) readFile(name string, d document) {
	at := func(line int) origin { return origin{fromFile, name, line} }
	for _, b := range d.broken {
		l.complain(problem{at: at(b.line), what: "not TOML: " + b.what})
	}
	l.addListeners(d, at)
	l.addPolicies(d, at)
	l.reindex()
	sections := l.sections()
	reported := map[string]bool{}
	for _, t := range d.tables {
		l.readTable(t, at(t.line), sections, reported)
	}
	seen := map[string]int{}
	for _, e := range d.entries {
		full := strings.Join(e.path, ".")
		if before, again := seen[full]; again {
			l.complain(problem{at: at(e.line), key: full, what: fmt.Sprintf("set again; line %d has it already", before)})
			continue
		}
		seen[full] = e.line
		switch k, known := l.index[full]; {
		case known && e.path[0] == "policies":
			l.overrides = append(l.overrides, override{full, at(e.line), e.value})
			continue
		case known:
			l.set(k, at(e.line), e.value)
			continue
		}
		l.unknown(e.path, at(e.line), sections, reported)
	}
	l.missingListen(d, at)
}

// sections are the names that may stand in brackets.
func (l *loader) sections() map[string]bool {
	found := map[string]bool{"listeners": true, "policies": true}
	for _, k := range l.index {
		found[k.section()] = true
	}
	return found
}

func (l *loader) readTable(t table, at origin, sections, reported map[string]bool) {
	name := strings.Join(t.path, ".")
	switch {
	case t.array:
		l.complain(problem{at: at, what: fmt.Sprintf("[[%s]] is a list of sections", name), hint: "write [" + name + "]"})
	case !sections[name]:
		l.unknownSection(name, at, sections, reported)
	}
}

func (l *loader) unknownSection(name string, at origin, sections, reported map[string]bool) {
	if reported[name] {
		return
	}
	reported[name] = true
	hint := "the sections are " + strings.Join(slices.Sorted(maps.Keys(sections)), ", ")
	if best, found := nearest(name, slices.Sorted(maps.Keys(sections))); found {
		hint = "did you mean [" + best + "]?"
	}
	l.complain(problem{at: at, what: fmt.Sprintf("unknown section [%s]", name), hint: hint})
}

// unknown reports a key that nobody knows; those of an unknown section are
// reported once, with it.
func (l *loader) unknown(path []string, at origin, sections, reported map[string]bool) {
	section, last := strings.Join(path[:len(path)-1], "."), path[len(path)-1]
	if section != "" && !sections[section] {
		l.unknownSection(section, at, sections, reported)
		return
	}
	what := fmt.Sprintf("unknown key %s", strings.Join(path, "."))
	if section == "" {
		what = fmt.Sprintf("key %s stands outside of a section", last)
	}
	l.complain(problem{at: at, what: what, hint: l.keyHint(section, last)})
}

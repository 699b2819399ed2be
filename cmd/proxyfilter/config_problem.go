package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// origin is where a value was written. The zero origin is the default.
type origin struct {
	rank rank
	name string // the file, the variable, or the argument of -o
	line int    // in the file
}

// rank orders the places: a later one wins.
type rank uint8

// The places.
const (
	fromDefault rank = iota
	fromFile
	fromEnvironment
	fromOption
)

// String is the place as editors and administrators know it.
func (o origin) String() string {
	switch o.rank {
	case fromFile:
		if o.line == 0 {
			return o.name
		}
		return fmt.Sprintf("%s:%d", o.name, o.line)
	case fromOption:
		return "-o " + o.name
	case fromEnvironment:
		return o.name
	}
	return "default"
}

func (o origin) compare(p origin) int {
	if o.rank == fromFile && p.rank == fromFile && o.name != p.name {
		return cmp.Compare(o.name, p.name) // a list in a file of its own
	}
	return cmp.Or(cmp.Compare(o.rank, p.rank), cmp.Compare(o.line, p.line))
}

// problem is one thing that is wrong with the configuration.
type problem struct {
	at      origin
	key     string // may be empty
	what    string
	allowed string // may be empty
	hint    string // may be empty
}

// Error is one line: a name in quotation marks may hold a line end.
func (p problem) Error() string {
	var b strings.Builder
	b.WriteString(p.at.String() + ": ")
	if p.key != "" {
		b.WriteString(p.key + ": ")
	}
	b.WriteString(p.what)
	if p.allowed != "" {
		b.WriteString("; allowed: " + p.allowed)
	}
	if p.hint != "" {
		b.WriteString("; " + p.hint)
	}
	return strings.Map(oneLine, b.String())
}

// together is all problems as one error, in the order of the places, or nil.
func together(problems []problem) error {
	slices.SortStableFunc(problems, func(a, b problem) int { return a.at.compare(b.at) })
	all := &multierror.Error{ErrorFormat: onePerLine}
	for _, p := range problems {
		all = multierror.Append(all, p)
	}
	return all.ErrorOrNil()
}

// onePerLine lets editors jump to each problem.
func onePerLine(errs []error) string {
	lines := make([]string, len(errs))
	for i, err := range errs {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

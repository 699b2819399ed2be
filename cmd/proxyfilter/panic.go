package main

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"proxyfilter/filter"
)

// panicSwitch is a file that suspends all refusals while it exists: an administrator
// who sees good mail refused must not have to find the rule first, nor to understand a
// configuration. It is looked at once a second, and never for the sake of a message.
type panicSwitch struct {
	log     zerolog.Logger
	path    atomic.Pointer[string] // empty: there is no such file
	instead atomic.Uint32          // a filter.Action: Undecided, Defer or Tag
}

const panicInterval = time.Second

// suspended is what it says at present.
func (p *panicSwitch) suspended() filter.Suspension {
	return filter.Suspension{By: filter.PanicName, Instead: filter.Action(p.instead.Load())}
}

// follow makes another file the switch.
func (p *panicSwitch) follow(path string) {
	p.path.Store(&path)
	p.look()
}

// run looks until ctx ends.
func (p *panicSwitch) run(ctx context.Context) {
	every(ctx, panicInterval, func(time.Time) { p.look() })
}

// every does something again and again until ctx ends.
func every(ctx context.Context, interval time.Duration, do func(now time.Time)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			do(now)
		}
	}
}

// look reads the file, and is loud about a change.
func (p *panicSwitch) look() {
	path := *p.path.Load()
	instead, err := readPanic(path)
	if filter.Action(p.instead.Swap(uint32(instead))) == instead {
		return
	}
	if instead == filter.Undecided {
		p.log.Warn().Str("file", path).Msg("refusals are in force again")
		return
	}
	e := p.log.Error().Str("file", path).Stringer("instead", instead)
	if err != nil {
		e = e.AnErr("problem", err)
	}
	e.Msg("PANIC: no mail is refused while this file exists")
}

// readPanic reads the word in the file. An empty file, which touch makes, means defer,
// and so does one that cannot be read or has another word in it: somebody wants
// refusals to stop, and nothing is lost by a delay.
func readPanic(path string) (filter.Action, error) {
	if path == "" {
		return filter.Undecided, nil
	}
	content, err := readBounded(path)
	switch word := strings.TrimSpace(string(content)); {
	case errors.Is(err, fs.ErrNotExist):
		return filter.Undecided, nil
	case err != nil:
		return filter.Defer, errors.New(reasonOf(err))
	case word == "tag":
		return filter.Tag, nil
	case word == "defer" || word == "":
		return filter.Defer, nil
	}
	return filter.Defer, errors.New(`the file has neither "defer" nor "tag" in it, and "defer" is done`)
}

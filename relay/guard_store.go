package relay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"proxyfilter/relay/wire"
)

const (
	// findTime is how long a message may be held up by a store that does not
	// answer, and writeTime how long it is tried to write to it, where nobody
	// waits.
	findTime  = time.Second
	writeTime = 5 * time.Second

	// maxKept is how long a reply may be that is kept whole.
	maxKept = 2048
)

// key is the mark in the store. It is a digest: nobody can tell from it who wrote
// to whom.
func (m mark) key() string { return "taken:" + string(m[:]) }

// stored is what the store knows; nil also when it cannot be asked.
func (g *guard) stored(m mark) *earlier {
	if g.store == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), findTime)
	defer cancel()
	value, found, err := g.store.Get(ctx, m.key())
	var known earlier
	if err == nil && found {
		known, err = parseEarlier(value)
	}
	if g.noted(err) || !found {
		return nil
	}
	return &known
}

// write puts a remembered attempt into the store, in its own time.
func (g *guard) write(a *attempt) {
	if g.store == nil {
		return
	}
	select {
	case g.writing <- struct{}{}:
	default:
		g.noted(errors.New("store: too much waits for it"))
		return
	}
	key, value := a.mark.key(), a.append(nil)
	g.writes.Go(func() {
		defer func() { <-g.writing }()
		ctx, cancel := context.WithTimeout(context.Background(), writeTime)
		defer cancel()
		g.noted(g.store.Put(ctx, key, value, rememberedFor))
	})
}

// noted counts an error of the store, and logs the first one in a row.
func (g *guard) noted(err error) (failed bool) {
	if err == nil {
		if g.failing.Load() && g.failing.CompareAndSwap(true, false) {
			g.log.Info().Msg("the store works again")
		}
		return false
	}
	g.failures.Add(1)
	if !g.failing.Swap(true) {
		g.log.Warn().Err(err).Msg("what the store should remember is forgotten when this process ends; mail goes on")
	}
	return true
}

// append writes "1JD3K8M7Q2XA 250 2.0.0 Ok: queued as 4ABC". A reply that is too
// long loses its first lines, and the end of its last.
func (e earlier) append(dst []byte) []byte {
	r := e.reply
	if len(r.Append(nil)) > maxKept {
		r = text(r.Code, clip(r.Lines[len(r.Lines)-1]))
	}
	return r.Append(append(append(dst, e.id...), ' '))
}

// parseEarlier reads what append wrote, and no more: what comes of it is an
// acceptance.
func parseEarlier(value []byte) (earlier, error) {
	id, rest, found := strings.Cut(string(value), " ")
	reply, used, err := wire.ParseReply([]byte(rest))
	switch {
	case !found || len(id) > 64:
		err = errors.New("no reference")
	case err == nil && used != len(rest):
		err = errors.New("more than one reply")
	case err == nil && reply.Class() != 2:
		err = errors.New("no acceptance")
	}
	if err != nil {
		return earlier{}, fmt.Errorf("store: %.80q: %w", value, err)
	}
	return earlier{id: id, reply: reply}, nil
}

package relay

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"proxyfilter/filter"
	"proxyfilter/relay/wire"
)

// Store keeps what must be known after a restart. filter/store/embedded is one.
// Its methods end with their context, and are called by many goroutines.
type Store interface {
	Put(ctx context.Context, key string, value []byte, ttl time.Duration) error
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
}

const (
	// rememberedFor is longer than any client waits for its next try
	// (RFC 5321 4.5.4.1: 30 minutes at first; Postfix at most 4000 seconds).
	rememberedFor = 24 * time.Hour

	// slowAnswer is when a client may have hung up, and Postfix, which looks at
	// it only between commands, does not know.
	slowAnswer = 15 * time.Second

	// maxRemembered bounds what is remembered in memory, some 400 bytes each.
	// The store remembers more, and longer than this process lives.
	maxRemembered = 4096
)

// guard keeps messages from being delivered twice. It has an attempt for each
// message that is at the next hop and that can be told from others:
//
//   - The message is on its way to the next hop, or its reply has not come in
//     time. The same message from somewhere else is told to come again.
//   - The next hop has taken it. Postfix's QUIT shows that Postfix has heard, and
//     the attempt is forgotten: who sends that message again wants it twice. The
//     end of the connection without QUIT, or a slow answer, makes it remembered
//     for a day; should it come, it is answered with the next hop's own words.
//   - The next hop has refused it, or nobody can ever know what became of it: the
//     attempt is forgotten, and what comes again is delivered.
//
// A message that is heard of in time costs an entry in a map. What a store does
// not know costs a doubtful copy at worst, so its errors hold up nothing.
type guard struct {
	store Store // nil: what is remembered ends with the process
	log   zerolog.Logger

	ended    context.Context // late replies are not awaited any longer
	end      context.CancelFunc
	late     sync.WaitGroup // replies that are awaited
	writes   sync.WaitGroup // to the store
	writing  chan struct{}  // bounds them
	failures atomic.Int64   // of the store
	failing  atomic.Bool    // the last use of it failed

	mu         sync.Mutex
	attempts   map[mark]*attempt
	remembered []*attempt // of these, the ones with a time; the oldest is first
}

// mark names a message at a next hop. The zero mark is that of a message which
// cannot be told from others.
type mark [sha256.Size]byte

// mark is the fingerprint at this next hop: another one has another queue.
func (n *NextHop) mark(f filter.Fingerprint) mark {
	if !f.Known() {
		return mark{}
	}
	return sha256.Sum256(append(f[:], n.Network+" "+n.Address...))
}

// attempt is one delivery. Its methods may be called for nil, which is a message
// that cannot be told from others.
type attempt struct {
	guard   *guard
	mark    mark
	awaited bool // somebody else sees to it now

	// earlier is what another attempt at the same message gets to know. guard.mu
	// guards it, and until.
	earlier
	until time.Time // when it is forgotten; zero while it is not remembered
}

// earlier is what is known of a message that was sent before.
type earlier struct {
	id    string     // its reference
	reply wire.Reply // of the next hop, which has taken it; zero when nobody knows yet
}

func newGuard(store Store, log zerolog.Logger) *guard {
	g := &guard{store: store, log: log, attempts: make(map[mark]*attempt), writing: make(chan struct{}, 64)}
	g.ended, g.end = context.WithCancel(context.Background())
	return g
}

// recall is what is known of a message; nil: nothing.
func (g *guard) recall(m mark) *earlier {
	if m == (mark{}) {
		return nil
	}
	g.mu.Lock()
	known := g.known(m)
	g.mu.Unlock()
	if known == nil {
		known = g.stored(m)
	}
	return known
}

// known is what is known in memory, as a copy. g.mu is held.
func (g *guard) known(m mark) *earlier {
	a := g.attempts[m]
	if a == nil || !a.until.IsZero() && !time.Now().Before(a.until) {
		return nil
	}
	known := a.earlier
	return &known
}

// attempt begins one, unless there is one already. What the store knows was
// asked for by recall, and everything newer is in memory.
func (g *guard) attempt(m mark, id string) (*attempt, *earlier) {
	if m == (mark{}) {
		return nil, nil
	}
	a := &attempt{guard: g, mark: m, earlier: earlier{id: id}}
	g.mu.Lock()
	defer g.mu.Unlock()
	if known := g.known(m); known != nil {
		return nil, known
	}
	g.attempts[m] = a
	return a, nil
}

// taken notes that the next hop has the message.
func (a *attempt) taken(reply wire.Reply) {
	if a == nil {
		return
	}
	a.guard.mu.Lock()
	defer a.guard.mu.Unlock()
	a.reply = reply
}

// leave forgets the attempt unless the next hop has taken the message, or its
// reply is still awaited.
func (a *attempt) leave() {
	if a == nil || a.awaited {
		return
	}
	a.guard.mu.Lock()
	taken := a.reply.Code != 0
	a.guard.mu.Unlock()
	if !taken {
		a.forget()
	}
}

// forget ends the attempt: Postfix knows, or nobody ever will.
func (a *attempt) forget() {
	if a == nil {
		return
	}
	a.guard.mu.Lock()
	defer a.guard.mu.Unlock()
	a.guard.remove(a)
}

// remember keeps the attempt for a day, here and in the store.
func (a *attempt) remember() {
	if a == nil {
		return
	}
	g := a.guard
	g.mu.Lock()
	now := time.Now()
	a.until = now.Add(rememberedFor)
	g.remembered = append(g.remembered, a)
	for first := g.remembered[0]; len(g.remembered) > maxRemembered || !now.Before(first.until); first = g.remembered[0] {
		g.remove(first)
		g.remembered[0] = nil
		g.remembered = g.remembered[1:]
	}
	g.mu.Unlock()
	g.write(a)
}

// remove takes the attempt out of the map, if it is still there. g.mu is held.
func (g *guard) remove(a *attempt) {
	if g.attempts[a.mark] == a {
		delete(g.attempts, a.mark)
	}
}

// await goes on waiting for the next hop's reply, of which the remote client is
// not told any more.
func (g *guard) await(a *attempt, later func(context.Context) outcome) {
	a.awaited = true
	g.late.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				g.log.Error().Str("id", a.id).Str("panic", fmt.Sprint(p)).Msg("late reply")
				a.forget()
			}
		}()
		out := later(g.ended)
		if !out.accepted() {
			g.log.Info().Str("id", a.id).Stringer("reply", out.reply).Err(out.err).
				Msg("the next hop has not taken the message after all, as far as can be known; its retry is delivered")
			a.forget()
			return
		}
		g.log.Warn().Str("id", a.id).Stringer("reply", out.reply).
			Msg("the next hop has taken a message after its client was told to try again; the retry is answered, and not delivered")
		a.taken(out.reply)
		a.remember()
	})
}

// finish lets late replies come until ctx ends, and waits for the store. No
// conversation may be left.
func (g *guard) finish(ctx context.Context) {
	stop := context.AfterFunc(ctx, g.end)
	g.late.Wait()
	stop()
	g.end()
	g.writes.Wait()
}

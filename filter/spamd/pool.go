package spamd

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// pool is what outlives a reload: a Scanner hands it on to its heir, because
// the children of spamd are as busy as before.
type pool struct {
	line    line
	began   time.Time
	answers atomic.Int64 // the last one by any server; nanoseconds after began
	outage  atomic.Int64 // the first failure since then; 0 for none
	recent  recent

	mu       sync.Mutex
	scanners int                 // that are not closed
	detached map[*guard]struct{} // scans that nobody waits for
	wait     sync.WaitGroup      // for them
}

// poolOf is the pool of the old Scanner, or a new one if there is none or it is
// closed.
func poolOf(old *Scanner) *pool {
	if old != nil && old.enter() {
		return old.pool
	}
	return &pool{began: time.Now(), scanners: 1, detached: map[*guard]struct{}{}}
}

func (p *pool) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.scanners == 0 {
		return false
	}
	p.scanners++
	return true
}

// leave ends the detached scans when nobody is left.
func (p *pool) leave() {
	p.mu.Lock()
	p.scanners--
	last := p.scanners == 0
	if last {
		for g := range p.detached {
			g.cut()
		}
	}
	p.mu.Unlock()
	if last {
		p.wait.Wait()
	}
}

// blind is for how long no server has answered.
func (p *pool) blind() time.Duration {
	return time.Since(p.began) - time.Duration(p.answers.Load())
}

// lasting reports an outage that a short pause will not end.
func (p *pool) lasting(limit time.Duration) bool {
	from := p.outage.Load()
	return limit > 0 && from != 0 && time.Since(p.began)-time.Duration(from) >= limit
}

// take makes these the servers of the line. One that was among them before
// keeps its state: slots in use above its new number come free by themselves.
func (l *line) take(next []Server, b Balance) []*server {
	l.mu.Lock()
	defer l.mu.Unlock()
	var servers []*server
	for _, each := range next {
		same := slices.IndexFunc(l.servers, func(v *server) bool {
			return v.Network == each.Network && v.Address == each.Address && !slices.Contains(servers, v)
		})
		if same < 0 {
			servers = append(servers, newServer(each))
			continue
		}
		v := l.servers[same]
		v.Slots = max(1, each.Slots)
		v.symbols.Store(false)
		servers = append(servers, v)
	}
	l.servers, l.balance = servers, b
	l.dispatch()
	return servers
}

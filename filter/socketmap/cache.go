package socketmap

import (
	"container/list"
	"sync"
	"time"
)

const (
	// freshFor is how long an answer serves without a question: so long does a change
	// in the customers' database take.
	freshFor = time.Minute

	// maxKept bounds the bytes of keys and values that are remembered, with 200 more
	// for each: some 100,000 addresses.
	maxKept = 32 << 20

	overhead = 200
)

// cache has the latest answers, also those that are stale. Who was asked for longest
// ago goes first when it is full. The zero cache is empty.
type cache struct {
	mu      sync.Mutex
	entries map[string]*list.Element
	order   list.List // of *entry; the latest answer in front
	size    int
	most    int // bytes; 0 means maxKept
}

type entry struct {
	key    string
	answer Answer
	at     time.Time
}

func (e *entry) size() int { return len(e.key) + len(e.answer.Value) + overhead }

func (c *cache) get(key string, now time.Time) (a Answer, fresh, found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, found := c.entries[key]
	if !found {
		return Answer{}, false, false
	}
	e := at.Value.(*entry)
	return e.answer, now.Sub(e.at) < freshFor, true
}

func (c *cache) put(key string, a Answer, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, found := c.entries[key]; found {
		c.forget(old)
	}
	if c.entries == nil {
		c.entries = map[string]*list.Element{}
	}
	e := &entry{key, a, now}
	c.entries[key] = c.order.PushFront(e)
	most := c.most
	if most == 0 {
		most = maxKept
	}
	for c.size += e.size(); c.size > most && c.order.Len() > 1; {
		c.forget(c.order.Back())
	}
}

func (c *cache) forget(at *list.Element) {
	e := c.order.Remove(at).(*entry)
	delete(c.entries, e.key)
	c.size -= e.size()
}

// Package socketmap looks up keys in a map behind a socket, in Postfix's socketmap
// protocol (socketmap_table(5)), which is Sendmail's: a request is the netstring "name
// key", a reply the netstring "OK data", "NOTFOUND ", "TEMP reason", "TIMEOUT reason"
// or "PERM reason". A netstring is a length in digits, a colon, so many bytes, and a
// comma. Whatever serves Postfix from SQL or LDAP that way serves here too, and
// "postmap -q key socketmap:…" asks what is asked here.
//
// Mail waits for the answers, so everything about them is bounded: the connections,
// the time for one question, the length of a reply, what is remembered. An answer
// serves for a minute, also the one that there is none. When the server is away, an
// older answer serves on, because what a customer wanted yesterday is a better guess
// than nothing; and once connecting has failed, nobody else waits for a connection
// during the next second.
package socketmap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// The defaults of a Map.
const (
	DefaultConnections = 4
	DefaultTimeout     = 2 * time.Second
)

// retryAfter is how long a server that could not be reached is left alone.
const retryAfter = time.Second

// Map is one map at one server. It must not be copied.
type Map struct {
	Network, Address string        // "unix" and a path, or "tcp" and host:port
	Name             string        // of the map; a server may have several
	Connections      int           // at once, and kept; 0 means DefaultConnections
	Timeout          time.Duration // for one question, connecting included; 0 means DefaultTimeout

	once   sync.Once
	places chan struct{}
	cache  cache

	mu     sync.Mutex
	idle   []*conn
	closed bool
	away   error     // why connecting failed last
	until  time.Time // nobody else connects before
}

// Answer is what the map has for a key.
type Answer struct {
	Value string
	Found bool // false: the server has said that there is nothing
	Stale bool // the server could not be asked, and this is what it said before
}

// Lookup asks for one key. An error means that nobody knows: neither the server, in
// time, nor the memory of what it has said before.
func (m *Map) Lookup(ctx context.Context, key string) (Answer, error) {
	known, fresh, found := m.cache.get(key, time.Now())
	if fresh {
		return known, nil
	}
	value, has, err := m.ask(ctx, key)
	switch {
	case err == nil:
		a := Answer{Value: value, Found: has}
		m.cache.put(key, a, time.Now())
		return a, nil
	case found:
		known.Stale = true
		return known, nil
	}
	return Answer{}, fmt.Errorf("socketmap %s: %w", m.Address, err)
}

// ask waits for a place, and asks the server.
func (m *Map) ask(ctx context.Context, key string) (string, bool, error) {
	if err := m.absent(time.Now()); err != nil {
		return "", false, err
	}
	timeout := m.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	m.once.Do(func() {
		n := m.Connections
		if n == 0 {
			n = DefaultConnections
		}
		m.places = make(chan struct{}, n)
	})
	select {
	case m.places <- struct{}{}:
		defer func() { <-m.places }()
	case <-ctx.Done():
		return "", false, fmt.Errorf("all connections are busy: %w", ctx.Err())
	}
	return m.converse(ctx, key)
}

// converse asks over a kept connection, and over a new one if the server has closed
// that meanwhile. To ask twice does no harm.
func (m *Map) converse(ctx context.Context, key string) (string, bool, error) {
	if c := m.take(); c != nil {
		reply, err := c.ask(ctx, m.Name, key)
		if err == nil {
			m.keep(c)
			return meaning(reply)
		}
		c.Close()
		if ctx.Err() != nil || isTimeout(err) {
			return "", false, err
		}
	}
	c, err := m.connect(ctx)
	if err != nil {
		return "", false, err
	}
	reply, err := c.ask(ctx, m.Name, key)
	if err != nil {
		c.Close()
		return "", false, err
	}
	m.keep(c)
	return meaning(reply)
}

// connect opens a connection, and notes when that fails.
func (m *Map) connect(ctx context.Context) (*conn, error) {
	if err := m.absent(time.Now()); err != nil { // found out while we waited for a place
		return nil, err
	}
	raw, err := (&net.Dialer{}).DialContext(ctx, m.Network, m.Address)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = err
	if err != nil {
		m.until = time.Now().Add(retryAfter)
		return nil, err
	}
	return newConn(raw), nil
}

// absent is why the server is not asked now.
func (m *Map) absent(now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away != nil && now.Before(m.until) {
		return m.away
	}
	return nil
}

func (m *Map) take() *conn {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.idle)
	if n == 0 {
		return nil
	}
	c := m.idle[n-1]
	m.idle = m.idle[:n-1]
	return c
}

func (m *Map) keep(c *conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		c.Close()
		return
	}
	m.idle = append(m.idle, c)
}

// Close ends the kept connections. Questions under way have their answers first, and
// a later one opens a connection for itself.
func (m *Map) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, c := range m.idle {
		c.Close()
	}
	m.idle = nil
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// Package redis is a store in a redis server that several hosts share: keys with
// values that expire. It is for several MX hosts: what one of them has remembered,
// the others know.
//
// It stands in the path of mail, and redis is on another host. So each use has a
// quarter of a second, connecting included, and no second try; after a few failures
// in a row redis is not asked at all for some seconds, and then by one use only. A
// use that fails says so, and its user does without: a redis that hangs costs some
// messages a quarter of a second each, and no message.
//
// What redis says is bounded before the client library sees it (see guard): the
// library makes room for as many bytes as a reply announces.
//
// A key is written as "proxyfilter:" and a digest, so whoever can read the server
// learns nothing from keys, and the server's own access lists can keep us to our keys.
// Nothing but SET and GET of single keys is asked for; redis itself ends what has
// expired.
package redis

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/sony/gobreaker/v2"
)

// Prefix begins every key in the server.
const Prefix = "proxyfilter:"

// Config says where the store is, and how long it may take.
type Config struct {
	Server  Server
	Timeout time.Duration // of one use, connecting included; 0: 250 ms
	Pause   time.Duration // how long a server that fails is not asked; 0: 5 s
}

// The limits of one entry.
const (
	MaxKey   = 256                       // bytes; there is one at least
	MaxValue = 4096                      // bytes
	MaxTTL   = 10 * 366 * 24 * time.Hour // time to live; it is above 0
)

const (
	defaultTimeout = 250 * time.Millisecond
	defaultPause   = 5 * time.Second

	// connections bounds those that are open, and maxIdle those that are kept. A
	// server that was restarted has closed what was kept, and each of them may cost
	// one use: that alone must not look like a server that is away.
	connections = 16
	maxIdle     = 4
	failures    = maxIdle + 1 // in a row: the server is not asked for a while
)

// Store is a store. Its methods may be called from several goroutines.
type Store struct {
	server  Server
	timeout time.Duration
	pause   time.Duration
	client  *redis.Client
	breaker *gobreaker.CircuitBreaker[struct{}]
}

// New is the store at a server, which is asked when it is used. Close ends it.
func New(c Config) *Store {
	s := &Store{server: c.Server, timeout: c.Timeout, pause: c.Pause}
	if s.timeout <= 0 {
		s.timeout = defaultTimeout
	}
	if s.pause <= 0 {
		s.pause = defaultPause
	}
	logging.Disable() // to standard error, in its own form; all that matters is in the errors
	s.client = redis.NewClient(&redis.Options{
		Network: s.server.Network, Addr: s.server.Address, Dialer: s.dial,
		Username: s.server.User, Password: s.server.Password, DB: s.server.DB,
		Protocol: 2, DisableIdentity: true, // nothing but HELLO, AUTH and SELECT before our commands
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},

		ContextTimeoutEnabled: true, DialTimeout: s.timeout, ReadTimeout: s.timeout, WriteTimeout: s.timeout, PoolTimeout: s.timeout,
		MaxRetries: -1, DialerRetries: 1, // an Add that is asked twice is not the first
		PoolSize: connections, MaxActiveConns: connections, MaxIdleConns: maxIdle, PipelinePoolSize: -1,
		ReadBufferSize: 2 * MaxValue, WriteBufferSize: 2 * MaxValue,
	})
	s.breaker = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:      s.pause,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failures },
		IsSuccessful: answered,
	})
	return s
}

// Check stores an entry and finds it. Its error says why the server cannot be used
// now; it may be usable later.
func (s *Store) Check(ctx context.Context) error {
	const key = "check"
	if err := s.Put(ctx, key, []byte(key), time.Minute); err != nil {
		return err
	}
	_, found, err := s.Get(ctx, key)
	if err == nil && !found {
		err = s.failure(errors.New("it did not keep what was stored"))
	}
	return err
}

// Put stores a value for a time, of which less than a millisecond is dropped. Whether
// it is there after a crash of the server is the server's choice (its appendonly).
// After an error it may have been stored.
func (s *Store) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := check(key, value, ttl); err != nil {
		return err
	}
	return s.use(ctx, func(ctx context.Context) error {
		return s.client.Set(ctx, name(key), value, whole(ttl)).Err()
	})
}

// Add is Put where there is no such key, and otherwise changes nothing. It reports
// whether it has stored the value. After an error it may have been stored.
func (s *Store) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (added bool, err error) {
	if err := check(key, value, ttl); err != nil {
		return false, err
	}
	err = s.use(ctx, func(ctx context.Context) (err error) {
		added, err = s.client.SetNX(ctx, name(key), value, whole(ttl)).Result()
		return err
	})
	return added && err == nil, err
}

// Get finds the value of a key that has not expired. A value above MaxValue, which
// somebody else has put there, is an error.
func (s *Store) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	err = s.use(ctx, func(ctx context.Context) (err error) {
		value, err = s.client.Get(ctx, name(key)).Bytes()
		if errors.Is(err, redis.Nil) {
			return nil
		}
		found = err == nil
		return err
	})
	if err != nil || !found {
		return nil, false, err
	}
	return value, true, nil
}

// Close ends the connections. What is under way fails.
func (s *Store) Close() error {
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

func check(key string, value []byte, ttl time.Duration) error {
	switch {
	case len(key) == 0 || len(key) > MaxKey:
		return fmt.Errorf("store: a key of %d bytes, want 1 to %d", len(key), MaxKey)
	case len(value) > MaxValue:
		return fmt.Errorf("store: a value of %d bytes, more than %d", len(value), MaxValue)
	case ttl <= 0 || ttl > MaxTTL:
		return fmt.Errorf("store: a time to live of %v", ttl)
	}
	return nil
}

// name is a key in the server. What a key says is nobody's business there.
func name(key string) string {
	sum := sha256.Sum256([]byte(key))
	return Prefix + hex.EncodeToString(sum[:])
}

// whole is a time to live as redis counts it.
func whole(ttl time.Duration) time.Duration {
	return max(ttl.Truncate(time.Millisecond), time.Millisecond)
}

package main

import (
	"context"

	"github.com/rs/zerolog"

	"proxyfilter/filter/store/redis"
)

// sharedStore is a redis that several hosts share. A process that takes the place of
// another needs nothing from it: both use it at once, as two hosts do.
type sharedStore struct {
	*redis.Store
	log zerolog.Logger
}

// openShared is the store at a server. One that cannot be used now may be there in a
// moment, and mail does not wait for it: that is a warning, whoever has chosen it.
func openShared(server redis.Server, log zerolog.Logger) *sharedStore {
	s := &sharedStore{redis.New(redis.Config{Server: server}), log}
	if err := s.Check(context.Background()); err != nil {
		log.Warn().Err(err).
			Msg("until it can be used, what must be remembered is known to this process only, and forgotten when it ends; mail goes on")
	}
	return s
}

func (s *sharedStore) close() {
	if err := s.Close(); err != nil {
		s.log.Error().Err(err).Msg("stopping")
	}
}

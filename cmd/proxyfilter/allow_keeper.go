package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"proxyfilter/filter/exceptions"
	"proxyfilter/filter/store/embedded"
	"proxyfilter/filter/store/redis"
)

// exceptionKeeper is who can change exceptions: the redis; or the process that has the
// file; or, when there is none, we with the file.
func (p *program) exceptionKeeper() (exceptionKeeper, func(), error) {
	c, err := p.load()
	switch {
	case err != nil:
		return nil, nil, err
	case c.Store.Kind == "redis":
		s := redis.New(redis.Config{Server: c.Store.server()})
		return exceptions.Book{Store: s}, func() { _ = s.Close() }, nil
	case c.Store.Path == "":
		return nil, nil, exit{exitUsage, errors.New("proxyfilter: store.path is empty: there is nowhere to keep an exception")}
	}
	client := exceptionClient{storeSocket(c.Store.Path)}
	if answers, err := client.answers(); err != nil || answers {
		return client, func() {}, err
	}
	return openFileKeeper(client, c.Store.Path)
}

// answers reports whether a process has the store, if that can be found out.
func (c exceptionClient) answers() (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), exceptionsTime)
	defer cancel()
	switch _, err := c.All(ctx, time.Time{}); {
	case errors.Is(err, errNoProcess):
		return false, nil
	case errors.Is(err, fs.ErrPermission):
		return false, exit{exitTemporary, fmt.Errorf("proxyfilter: %w; exceptions are made by the owner of the store, or root", err)}
	case err != nil:
		return false, exit{exitTemporary, fmt.Errorf("proxyfilter: %w", err)}
	}
	return true, nil
}

// openFileKeeper opens the file that no process has. It makes none: root would own it,
// and the daemon could not open it.
func openFileKeeper(client exceptionClient, path string) (exceptionKeeper, func(), error) {
	if _, err := os.Stat(path); err != nil {
		return nil, nil, exit{exitTemporary, fmt.Errorf("proxyfilter: there is no store to keep an exception in: %w", err)}
	}
	s, err := embedded.Open(embedded.Config{Path: path})
	if errors.Is(err, embedded.ErrInUse) { // by a process that was about to listen a second ago
		if answers, failed := client.answers(); answers || failed != nil {
			return client, func() {}, failed
		}
		return nil, nil, exit{exitTemporary, fmt.Errorf("proxyfilter: %w, and does not answer at %s: its log says why", err, client.socket)}
	}
	if err != nil {
		return nil, nil, exit{exitTemporary, fmt.Errorf("proxyfilter: %w", err)}
	}
	return exceptions.Book{Store: s}, func() { _ = s.Close() }, nil
}

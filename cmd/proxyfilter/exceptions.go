package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"proxyfilter/filter"
	"proxyfilter/filter/exceptions"
)

// exceptionWatch has all exceptions in memory, as they were last seen in the store. So
// no message waits for a store; and while a redis is away, what was known holds until
// its own end. Only a process that has never seen them does without: a message that it
// refuses for that can be sent again, and to put off all that looks like spam until a
// redis comes back would leave every sender without an answer.
type exceptionWatch struct {
	news func(ctx context.Context, known string) (all []filter.Exception, edition string, err error)
	now  func() time.Time
	log  zerolog.Logger

	current atomic.Pointer[filter.Exceptions]

	mu      sync.Mutex
	edition string
	text    string // of all of them
	failing bool
}

const (
	exceptionsInterval = time.Second

	// exceptionsTime is for reading all of them while somebody waits. A redis may be
	// far away; where nobody waits, it has exceptionsPatience.
	exceptionsTime     = 5 * time.Second
	exceptionsPatience = time.Minute
)

// newExceptionWatch watches the store; nil: there are never any. Where it is a file that
// the process before us still has, that one is asked.
func newExceptionWatch(ctx context.Context, s store, now func() time.Time, log zerolog.Logger) *exceptionWatch {
	if s == nil {
		return nil
	}
	w := &exceptionWatch{now: now, log: log}
	book := exceptions.Book{Store: s}
	file, isFile := s.(*fileStore)
	w.news = func(ctx context.Context, known string) ([]filter.Exception, string, error) {
		if isFile && !file.isOpen() {
			return newsFrom(ctx, exceptionClient{file.socket()}, known, w.now())
		}
		return book.News(ctx, known, w.now())
	}
	w.look(ctx, exceptionsTime) // before the first message
	return w
}

// newsFrom asks the process before us. Once it has let go of the file, nothing changes
// until the file is ours.
func newsFrom(ctx context.Context, c exceptionClient, known string, now time.Time) (all []filter.Exception, edition string, err error) {
	all, err = c.All(ctx, now)
	switch {
	case errors.Is(err, errNoProcess):
		return nil, known, nil
	case all == nil:
		return nil, known, err
	}
	return all, "elsewhere " + fmt.Sprint(all), err
}

// known are those in force.
func (w *exceptionWatch) known() *filter.Exceptions {
	if w == nil {
		return nil
	}
	return w.current.Load()
}

// run looks until ctx ends.
func (w *exceptionWatch) run(ctx context.Context) {
	every(ctx, exceptionsInterval, func(time.Time) { w.look(ctx, exceptionsPatience) })
}

// look takes over what has changed, and is loud about the first failure in a row.
func (w *exceptionWatch) look(ctx context.Context, patience time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	w.mu.Lock()
	defer w.mu.Unlock()
	all, edition, err := w.news(ctx, w.edition)
	if err != nil && !w.failing {
		w.log.Warn().Err(err).Msg("exceptions: the store could not be read; those known last hold")
	}
	w.failing = err != nil
	if edition == w.edition { // also when nothing could be read
		return
	}
	if text := fmt.Sprint(all); text != w.text && w.edition != "" {
		w.log.Info().Int("exceptions", len(all)).Msg("exceptions have changed")
	}
	w.edition, w.text = edition, fmt.Sprint(all)
	w.current.Store(filter.NewExceptions(all, w.now))
}

package main

import (
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"proxyfilter/filter/journal"
)

// openJournal is the journal, or nil when there is none. A directory that somebody
// has chosen must be usable; the default one need not be, because a container or a
// first try has none.
func openJournal(c *loaded, log zerolog.Logger) (*journal.Journal, error) {
	if c.Journal.Dir == "" {
		return nil, nil
	}
	j, err := journal.Open(journal.Config{
		Dir: c.Journal.Dir, Keep: c.Journal.Keep, KeepAddresses: c.Journal.KeepAddresses, Subject: c.Journal.Subject,
		Notice: func(n journal.Notice) { tellJournal(log, n) },
	})
	if err == nil {
		return j, nil
	}
	if _, chosen := c.origins["journal.dir"]; chosen {
		return nil, fmt.Errorf("journal.dir: %w", err)
	}
	log.Warn().Err(err).Str("dir", c.Journal.Dir).
		Msg("no journal is kept, and refusals cannot be explained later: make the directory, or set journal.dir")
	return nil, nil
}

func tellJournal(log zerolog.Logger, n journal.Notice) {
	switch n.Event {
	case journal.Losing:
		log.Error().Err(n.Err).Stringer("cause", n.Why).Msg("journal: records are being lost")
	case journal.Untended:
		log.Error().Err(n.Err).Msg("journal: a file could not be compressed, hashed or removed")
	case journal.Writing:
		log.Info().Msg("journal: records are written again")
	case journal.Recovered:
		log.Info().Msg("journal: files are looked after again")
	}
}

// journalLosses are the records that are not in the journal, by cause.
func (d *daemon) journalLosses() map[string]int64 {
	lost := map[string]int64{}
	for _, why := range journal.Losses() {
		lost[why.String()] = 0
		if d.journal != nil {
			lost[why.String()] = d.journal.Lost(why)
		}
	}
	return lost
}

func (d *daemon) closeJournal(patience time.Duration) {
	if d.journal != nil {
		d.journal.Close(patience)
	}
}

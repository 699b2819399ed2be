package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"proxyfilter/filter/journal"
)

// period is a span of time as somebody types it: from and to a moment, each a day, or
// so long ago.
type period struct{ since, until string }

func (p *period) flags(f *pflag.FlagSet, since string) {
	f.StringVar(&p.since, "since", since, "from this `TIME` on: so long ago (12h, 7d), or a date (2026-11-26, \"2026-11-26 14:00\")")
	f.StringVar(&p.until, "until", "", "before this `TIME`; without it, until now")
}

// query is the Records of that span.
func (p period) query(now time.Time) (journal.Query, error) {
	from, err := parseMoment(p.since, now)
	if err != nil {
		return journal.Query{}, fmt.Errorf("--since: %w", err)
	}
	to := now
	if p.until != "" {
		if to, err = parseMoment(p.until, now); err != nil {
			return journal.Query{}, fmt.Errorf("--until: %w", err)
		}
	}
	if !from.Before(to) {
		return journal.Query{}, fmt.Errorf("--since %s is not before --until %s", from.Format(time.DateTime), to.Format(time.DateTime))
	}
	return journal.Query{From: from, To: to}, nil
}

// parseMoment reads a date, in the time zone of this host, or how long ago it is.
func parseMoment(s string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", time.DateTime, time.RFC3339} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	ago, err := parseSpan(s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w; write a date as in %q, or how long ago as in \"7d\"", err, now.Format(time.DateOnly))
	}
	return now.Add(-ago), nil
}

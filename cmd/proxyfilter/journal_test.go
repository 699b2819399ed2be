package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"proxyfilter/filter"
	"proxyfilter/filter/journal"
	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/integration/rig"
)

// kept is what the journal of a site has, newest first.
func (s *site) kept(t *testing.T) []journal.Entry {
	t.Helper()
	a, err := journal.OpenArchive(s.config.Journal.Dir)
	if err != nil {
		t.Fatal(err)
	}
	all, err := a.Last(t.Context(), journal.Query{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryOutcomeIsInTheJournal(t *testing.T) {
	s := open(t, "")
	if err := s.send("good"); err != nil {
		t.Fatal(err)
	}
	if err := s.send(spamdtest.GTUBE); err == nil {
		t.Fatal("spam went through")
	}
	s.stop(t)
	all := s.kept(t)
	if len(all) != 2 {
		t.Fatalf("%d records", len(all))
	}
	for i, want := range []filter.Action{filter.Reject, filter.Accept} {
		e := all[i]
		if e.Verdict.Action != want || e.Envelope.Sender != "a@example.net" || e.Subject != "" || len(e.Verdict.Findings) != 1 {
			t.Errorf("%+v, want %s", e, want)
		}
		s.log.await(t, e.Envelope.ID+": client=", "action="+want.String())
	}
}

func TestOnlyAJournalThatWasChosenMustBeUsable(t *testing.T) {
	c := loaded{config: defaults("json"), origins: map[string]origin{}}
	c.Journal.Dir = "/nonexistent/journal"
	var log strings.Builder
	if j, err := openJournal(&c, zerolog.New(&log)); j != nil || err != nil || strings.Count(log.String(), "no journal is kept") != 1 {
		t.Errorf("by default: %v, %s", err, log.String())
	}
	c.origins["journal.dir"] = origin{rank: fromFile}
	if _, err := openJournal(&c, zerolog.Nop()); err == nil || !strings.HasPrefix(err.Error(), "journal.dir: mkdir /nonexistent/journal") {
		t.Errorf("chosen: %v", err)
	}
	c.Journal.Dir = ""
	if j, err := openJournal(&c, zerolog.Nop()); j != nil || err != nil {
		t.Errorf("switched off: %v", err)
	}
}

func TestJournalThatLosesRecordsIsLoudAndStopsNoMail(t *testing.T) {
	s := open(t, "")
	dir := s.config.Journal.Dir
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if err := s.send("good"); err != nil {
		t.Fatal(err)
	}
	s.log.await(t, "error: journal: records are being lost: ", "cause=disk")
	if figures := scrape(t, s.metrics); !strings.Contains(figures, `journal_lost_total{cause="disk"} 1`) {
		t.Error("the metric does not show it")
	}
	if err := os.Rename(filepath.Clean(dir)+".away", dir); err != nil {
		t.Fatal(err)
	}
	if err := s.send("good"); err != nil {
		t.Fatal(err)
	}
	s.log.await(t, "journal: records are written again")
}

// awaitKept waits for so many records: they are written in the background.
func (s *site) awaitKept(t *testing.T, n int) {
	t.Helper()
	rig.Eventually(t, fmt.Sprintf("%d records", n), func() bool { return len(s.kept(t)) >= n })
}

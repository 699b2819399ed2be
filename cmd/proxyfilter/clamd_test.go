package main

import (
	"strings"
	"syscall"
	"testing"

	"proxyfilter/filter/clamd/clamdtest"
)

func TestReloadBringsClamdAndTakesItAway(t *testing.T) {
	s := open(t, "")
	first, before := s.current.Load(), fingerprint(s.log.await(t, "serving: "))
	at := startClamd(t)
	section := "[clamd]\nserver = \"" + at + "\"\nslots = 3\n"
	s.rewrite(t, "[log]", section+"[log]")
	s.signals <- syscall.SIGHUP
	s.log.await(t, "configuration reloaded: changed=clamd.server,clamd.slots")
	if s.current.Load().scanner != first.scanner {
		t.Error("the scanner for spam was replaced for nothing")
	}
	if err := s.send(clamdtest.Worm); err == nil || !strings.Contains(err.Error(), "it contains "+clamdtest.WormName) {
		t.Errorf("a virus: %v", err)
	}
	s.log.await(t, "action=reject, reason=virus, score=0, tests="+clamdtest.WormName+", virus="+clamdtest.WormName)
	figures := scrape(t, s.metrics)
	for _, want := range []string{
		`messages_total{action="reject",reason="virus"} 1`, `source_seconds_count{source="clamd"} 1`,
		`slots{server="` + at + `",state="free"} 3`,
	} {
		if !strings.Contains(figures, want) {
			t.Errorf("missing: %s", want)
		}
	}

	s.rewrite(t, section, "")
	s.signals <- syscall.SIGHUP
	s.log.await(t, "configuration reloaded: changed=clamd.server,clamd.slots", before)
	if err := s.send(clamdtest.Worm); err != nil {
		t.Errorf("without clamd: %v", err)
	}
}

// fingerprint is the word of a log line that names the configuration in force.
func fingerprint(line string) string {
	_, word, _ := strings.Cut(line, "fingerprint=")
	word, _, _ = strings.Cut(strings.TrimSpace(word), ",")
	return "fingerprint=" + word
}

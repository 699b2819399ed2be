package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd/spamdtest"
)

func TestPersonIsExportedAndErased(t *testing.T) {
	carol, other := aRecord(), aRecord()
	carol.Envelope.Sender = "Carol@example.org"
	other.Envelope.ID = "1JD3K8M7Q2XB"
	options := stored(t, carol, other, carol)
	journal := func(args ...string) (int, string, string) {
		return called("", slices.Concat([]string{"journal"}, args, options)...)
	}
	code, out, errs := journal("export", "carol@EXAMPLE.org")
	if code != exitFine || strings.Count(out, "1JD3K8M7Q2XA: refused, ") != 2 || strings.Contains(out, "Q2XB") {
		t.Errorf("%d %s\n%s", code, errs, out)
	}
	code, out, _ = journal("export", "carol@example.org", "--json")
	var records []struct {
		ID   string `json:"id"`
		From string `json:"from"`
	}
	if err := json.Unmarshal([]byte(out), &records); err != nil || code != exitFine || len(records) != 2 || records[1].From != "Carol@example.org" {
		t.Errorf("%d %v\n%s", code, err, out)
	}
	if code, out, _ = journal("erase", "carol@example.org"); code != exitFine || out != "2 records erased\n" {
		t.Error(code, out)
	}
	if code, out, _ = journal("erase", "--json", "carol@example.org"); code != exitFine || !strings.Contains(out, `"erased": 0`) {
		t.Error(code, out)
	}
	if code, _, errs = journal("export", "carol@example.org"); code != exitNo || !strings.Contains(errs, `nothing in the journal names "carol@example.org"`) {
		t.Error(code, errs)
	}
	if code, out, _ = journal("export", "carol@example.org", "--json"); code != exitNo || out != "[]\n" {
		t.Error(code, out)
	}
	if code, out, _ = called("", append([]string{"explain", other.Envelope.ID}, options...)...); code != exitFine {
		t.Error(code, out)
	}
}

func TestOnlyAWholeAddressIsTaken(t *testing.T) {
	for _, args := range [][]string{{"export", "example.org"}, {"erase", "@example.org"}, {"erase", "ann@"}, {"erase"}, {"erase", "a@b", "c@d"}} {
		if code, out, errs := called("", append([]string{"journal"}, args...)...); code != exitUsage || out != "" {
			t.Error(args, code, out, errs)
		}
	}
}

func TestDaemonGoesOnAfterAnErasure(t *testing.T) {
	s := open(t, "")
	for range 2 { // in the file that it has made, and in the one put in its place
		if err := s.send(spamdtest.GTUBE); err == nil {
			t.Fatal("spam went through")
		}
		s.awaitKept(t, 1)
		code, out, errs := called("", "journal", "erase", "b@example.org", "-c", s.file)
		if code != exitFine || out != "1 records erased\n" {
			t.Fatal(code, out, errs)
		}
		if n := len(s.kept(t)); n != 0 {
			t.Errorf("%d records are left", n)
		}
	}
	if err := s.send("good"); err != nil {
		t.Fatal(err)
	}
	s.stop(t)
	if all := s.kept(t); len(all) != 1 || all[0].Verdict.Action != filter.Accept {
		t.Errorf("%+v", all)
	}
}

package spamd_test

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd"
	"proxyfilter/filter/spamd/spamdtest"
)

// FuzzAnswer: whatever a spamd answers, a finding is what an independent reader
// finds in it too, or there is none; a retry that joins the scan gets the very same
// finding, or one more scan the very same failure; and no slot stays in use.
func FuzzAnswer(f *testing.F) {
	for habits := range uint8(8) {
		for _, answer := range []string{
			"SPAMD/1.1 0 EX_OK\r\nContent-length: 3\r\nSpam: False ; 1.6 / 5.0\r\n\r\nA,B",
			"SPAMD/1.1 0 EX_OK\r\nspam:  yes;-0.1/ 5\r\n\r\n---- ---------- ---\n-0.1 A_RULE a text\n     and more\n\n",
			"SPAMD/1.1 0 EX_OK\r\nSpam: True ; nan / 5.0\r\nContent-length: 0\r\n\r\n",
			"SPAMD/1.1 0 EX_OK\r\nSpam: True ; 9 / 5\r\nSpam: False ; 0 / 5\r\nContent-length: 0\r\n\r\n",
			"SPAMD/1.1 0 EX_OK\r\nContent-length: 9\r\nSpam: False ; 1.6 / 5.0\r\n\r\nA",
			"SPAMD/1.0 75 EX_TEMPFAIL\r\n", "SPAMD/1.0 76 Bad header line\r\n", "SPAMD/1 0\r\nSpam: x\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
		} {
			f.Add(answer, habits)
		}
	}
	f.Fuzz(func(t *testing.T, answer string, habits uint8) {
		if answer == "" {
			return // spamdtest's own
		}
		synctest.Test(t, func(t *testing.T) { answered(t, answer, habits) })
	})
}

func answered(t *testing.T, answer string, habits uint8) {
	reply := spamdtest.Reply{Raw: answer, Dribble: habits&1 != 0, NoFIN: habits&2 != 0, HalfClose: habits&4 != 0}
	direct, err := askOnce(t, reply)
	if err == nil {
		compare(t, answer, direct)
	}
	b := inMemory(t, &spamdtest.Server{Reply: spamdtest.Reply{Raw: answer, NoFIN: reply.NoFIN, Delay: time.Minute}}, spamd.Config{})
	if _, err := b.Scan(within(t, 45*time.Second), known()); err == nil {
		t.Fatal("an answer ahead of its time")
	}
	b.fake.Become(reply)
	again, againErr := b.Scan(within(t, 10*time.Minute), known())
	if (err == nil) != (againErr == nil) || causeOf(err) != causeOf(againErr) {
		t.Fatalf("at once: %v\nto a retry: %v", err, againErr)
	}
	if err == nil {
		if !again.HasLabel(filter.Reused) {
			t.Fatalf("scanned again: %+v", again)
		}
		again.Labels, again.Waited, direct.Waited = nil, 0, 0
		if d := cmp.Diff(direct, again); d != "" {
			t.Fatalf("at once, and to a retry: %s", d)
		}
	}
	time.Sleep(10 * time.Minute)
	if st := b.Status().Servers[0]; st.Busy != 0 || st.Lost != 0 {
		t.Fatalf("in use for ever: %+v", st)
	}
}

// askOnce asks a spamd that gives this answer.
func askOnce(t *testing.T, reply spamdtest.Reply) (filter.Finding, error) {
	b := inMemory(t, &spamdtest.Server{Reply: reply}, spamd.Config{})
	return b.Scan(within(t, 10*time.Minute), message(text))
}

func causeOf(err error) filter.Cause {
	var failure *filter.Failure
	if errors.As(err, &failure) {
		return failure.Cause
	}
	return ""
}

// A status line without a fault, and a Spam field, as the protocol's text has them.
var (
	statusLine = regexp.MustCompile(`^SPAMD/[^ ]+ 0+( |$)`)
	spamField  = regexp.MustCompile(`(?i)^Spam:\s*(?:True|Yes|False|No)\s*;\s*(\S+)\s*/\s*(\S+)\s*$`)
)

// compare looks for the finding in the answer.
func compare(t *testing.T, answer string, f filter.Finding) {
	t.Helper()
	head, body, _ := strings.Cut(answer, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	if !statusLine.MatchString(lines[0]) {
		t.Fatalf("a finding of %q: %+v", answer, f)
	}
	found := false
	for _, line := range lines[1:] {
		if m := spamField.FindStringSubmatch(line); m != nil {
			score, _ := strconv.ParseFloat(m[1], 64)
			limit, _ := strconv.ParseFloat(m[2], 64)
			found = found || score == f.Score && limit == f.Limit
		}
	}
	if !found {
		t.Fatalf("score %v of %v is not in %q", f.Score, f.Limit, answer)
	}
	for _, r := range f.Rules {
		if !strings.Contains(body, r.Name) {
			t.Fatalf("rule %q is not in %q", r.Name, answer)
		}
	}
}

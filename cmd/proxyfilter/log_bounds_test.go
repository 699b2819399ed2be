package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"proxyfilter/filter"
)

// flooded is the record of a client that makes everything as long as it can.
func flooded(unit string) filter.Record {
	long := strings.Repeat(unit, 5000)
	r := aRecord()
	r.Envelope.Client.Name, r.Envelope.Client.Helo, r.Envelope.Sender = long, long, long
	r.Envelope.Recipients = nil
	for range 2000 {
		r.Envelope.Recipients = append(r.Envelope.Recipients, long)
		r.Verdict.Findings[0].Rules = append(r.Verdict.Findings[0].Rules, filter.Rule{Name: long})
	}
	r.Reply, r.QueueID, r.MessageID, r.Err = long, long, long, long
	failed := filter.Finding{Source: "other", Cause: filter.CauseTimeout, Err: long}
	r.Verdict.Findings = append(r.Verdict.Findings, failed)
	return r
}

func TestNobodyMakesALineSoLongThatItsRestIsAnEntryOfItsOwn(t *testing.T) {
	for name, unit := range map[string]string{
		"plain": "proxyfilter[1]: ", "escaped": "\x01", "quoted": `"\`, "broken": "\xff", "turned around": "\u202e", "beyond": "\U000e0001", "wide": "\U0001f4e7",
	} {
		for _, format := range []string{"postfix", "json", "console"} {
			t.Run(name+" in "+format, func(t *testing.T) {
				got := logged(format, flooded(unit))
				if len(got) >= maxLine || strings.Count(got, "\n") != 1 || !utf8.ValidString(got) {
					t.Errorf("%d bytes", len(got))
				}
				if format == "json" && !json.Valid([]byte(got)) {
					t.Error("not JSON")
				}
			})
		}
	}
}

func TestListsAreCutBetweenAddressesAndCounted(t *testing.T) {
	for _, test := range []struct {
		name    string
		to      []string
		entries int
		last    string
		counted bool
	}{
		{"what fits is whole", []string{"a@b", "c@d"}, 2, "c@d", false},
		{"at most 100", manyTo(101, ""), 100, "99@example.org", true},
		{"exactly 100", manyTo(100, ""), 100, "99@example.org", false},
		{"at most 8 KB", manyTo(100, strings.Repeat("x", 150)), 49, "48" + strings.Repeat("x", 150) + "@example.org", true},
		{"at most 320 bytes each", []string{strings.Repeat("x", 1000)}, 1, strings.Repeat("x", 320), false},
		{"at a character", []string{strings.Repeat("é", 200)}, 1, strings.Repeat("é", 160), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := aRecord()
			r.Envelope.Recipients = test.to
			var got struct {
				To    []string `json:"to"`
				Count int      `json:"to_count"`
			}
			if err := json.Unmarshal([]byte(logged("json", r)), &got); err != nil {
				t.Fatal(err)
			}
			if len(got.To) != test.entries || got.To[len(got.To)-1] != test.last {
				t.Errorf("%d entries, the last is %q", len(got.To), got.To[len(got.To)-1])
			}
			if want := map[bool]int{true: len(test.to)}[test.counted]; got.Count != want {
				t.Errorf("to_count is %d, want %d", got.Count, want)
			}
		})
	}
}

func manyTo(n int, more string) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%d%s@example.org", i, more))
	}
	return all
}

func TestTextsAreCutAtACharacter(t *testing.T) {
	r := aRecord()
	r.Envelope.Client.Helo = strings.Repeat("h", 600)
	r.Envelope.Sender = "x" + strings.Repeat("é", 600)
	got := logged("postfix", r)
	for _, want := range []string{
		"helo=<" + strings.Repeat("h", 512) + ">,", "from=<x" + strings.Repeat("é", 255) + ">,",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing in %s", want, got)
		}
	}
}

// A cut text is a beginning of the text, and keeps to its bound.
func FuzzCut(f *testing.F) {
	for _, seed := range []string{"", "plain", "\xff\xfe", `"\`, "é\u202e\U000e0001\n"} {
		f.Add(seed, 10)
	}
	f.Fuzz(func(t *testing.T, s string, most int) {
		most = max(0, min(most, 1<<16))
		got := cut(s, most)
		if !strings.HasPrefix(s, got) || total(got) > most {
			t.Errorf("%q became %q", s, got)
		}
		if got != s && total(s) <= most {
			t.Errorf("%q was cut for nothing", s)
		}
	})
}

func TestWaitingLinesAreBoundedInBytes(t *testing.T) {
	out := &stuck{begun: make(chan struct{}, 1), letGo: make(chan struct{})}
	q := newLineQueue(out, queueLength)
	io.WriteString(q, "1\n")
	<-out.begun
	long := bytes.Repeat([]byte("x"), 2*maxLine)
	written := 0
	for q.lost.Load() < 3 && written < 2*queueBytes/maxLine {
		q.Write(long)
		written++
	}
	if held := q.held.Load(); held > queueBytes || held < queueBytes/2 || q.lost.Load() != 3 {
		t.Errorf("%d bytes are held, %d of %d lines are lost", held, q.lost.Load(), written)
	}
	close(out.letGo)
	q.Close(time.Minute)
	if held := q.held.Load(); held != 0 {
		t.Errorf("%d bytes are held for nothing", held)
	}
	rest := strings.TrimPrefix(out.String(), "1\n")
	for line := range strings.Lines(rest) {
		if len(line) != maxLine {
			t.Fatalf("a line of %d bytes", len(line))
		}
	}
	if got := strings.Count(rest, "\n"); got != written-3 {
		t.Errorf("%d of %d lines arrived", got, written)
	}
}

func TestLongBuffersAreNotKept(t *testing.T) {
	q := newLineQueue(io.Discard, 1)
	defer q.Close(time.Minute)
	w := &postfixWriter{out: io.Discard}
	for range 100 {
		q.Write(make([]byte, maxLine))
		io.WriteString(w, `{"message":"`+strings.Repeat("x", maxLine)+`"}`)
	}
	for range 100 {
		for _, kept := range []any{q.free.Get(), w.pool.Get()} {
			if room, found := kept.(*[]byte); found && cap(*room) > maxPooled {
				t.Fatalf("%d bytes are kept", cap(*room))
			}
		}
	}
}

func TestLineThatIsTooLongIsCutAtACharacter(t *testing.T) {
	line := []byte(strings.Repeat("é", maxLine) + "\n")
	got := oneEntry(line)
	if len(got) > maxLine || got[len(got)-1] != '\n' || !utf8.Valid(got) || bytes.Count(got, []byte("\n")) != 1 {
		t.Errorf("%d bytes that end with %q", len(got), got[len(got)-4:])
	}
	if got := oneEntry([]byte("short\n")); string(got) != "short\n" {
		t.Errorf("%q", got)
	}
}

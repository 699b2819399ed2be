package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
)

// open starts a journal in a directory of the test. Notices are collected.
func open(t *testing.T, c Config) (*Journal, *notices) {
	t.Helper()
	if c.Dir == "" {
		c.Dir = filepath.Join(t.TempDir(), "journal")
	}
	told := &notices{all: make(chan Notice, 100)}
	c.Notice = func(n Notice) { told.all <- n }
	j, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close(time.Minute) })
	return j, told
}

type notices struct{ all chan Notice }

func (n *notices) events() (events []Event) {
	for {
		select {
		case one := <-n.all:
			events = append(events, one.Event)
		default:
			return events
		}
	}
}

// await takes notices until there is one of that event.
func (n *notices) await(e Event) Notice {
	for one := range n.all {
		if one.Event == e {
			return one
		}
	}
	return Notice{}
}

// numbered is a record of its own: its time is now.
func numbered(n int) filter.Record {
	r := aRecord()
	r.Time = time.Now().UTC()
	r.Envelope.ID = filter.Reference(r.Time, uint32(n))
	r.Envelope.Sender = fmt.Sprintf("Sender%d@example.org", n)
	r.Envelope.Recipients = []string{fmt.Sprintf("rcpt%d@example.net", n), "all@example.net"}
	r.QueueID, r.MessageID = fmt.Sprintf("4Q%d", n), fmt.Sprintf("<m%d@example.org>", n)
	r.Reply = fmt.Sprintf("550 5.1.1 <rcpt%d@example.net>: unknown (host 198.51.100.7)", n)
	return r
}

// archive reads what the journal has written.
func archive(t *testing.T, j *Journal) *Archive {
	t.Helper()
	a, err := OpenArchive(j.dir.path)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// ids are the references of what a query finds, oldest first.
func ids(t *testing.T, a *Archive, q Query) (found []string) {
	t.Helper()
	for e, err := range a.All(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, e.Envelope.ID)
	}
	return found
}

// written is a closed journal with so many records.
func written(t *testing.T, c Config, records int) *Journal {
	t.Helper()
	j, _ := open(t, c)
	for n := range records {
		r := numbered(n)
		j.Add(&r)
	}
	j.Close(time.Minute)
	return j
}

// segments are those there are, oldest first: one at least.
func segments(t *testing.T, j *Journal) []segment {
	t.Helper()
	all, _, err := j.dir.segments()
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	return all
}

// files are the endings of the segments there are, oldest first.
func files(t *testing.T, j *Journal) string {
	t.Helper()
	names, err := os.ReadDir(j.dir.path)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, n := range names {
		if _, rest, isOne := strings.Cut(n.Name(), "Z-"); isOne {
			all = append(all, rest)
		}
	}
	return strings.Join(all, " ")
}

func TestRecordIsFoundByAllItsNamesAtEveryAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, told := open(t, Config{Keep: 30 * 24 * time.Hour, KeepAddresses: 7 * 24 * time.Hour})
		for n := range 3 {
			r := numbered(n)
			j.Add(&r)
		}
		settle()
		a := archive(t, j)
		want := ids(t, a, Query{})
		begun := time.Now()
		for _, age := range []struct {
			name, files string
			after       time.Duration
		}{
			{"just written", "000.jsonl", 0},
			{"a day old and compressed", "000.1.index 000.1.jsonl.gz", 26 * time.Hour},
			{"a week old and hashed", "000.2.hashed.index 000.2.hashed.jsonl.gz", 7*24*time.Hour + time.Hour},
		} {
			time.Sleep(time.Until(begun.Add(age.after)))
			settle()
			if got := files(t, j); got != age.files {
				t.Fatalf("%s: the files are %s, want %s", age.name, got, age.files)
			}
			for name, q := range map[string]Query{
				"reference":             {Reference: strings.ToLower(want[1])},
				"queue id":              {QueueID: "4Q1"},
				"Message-ID":            {MessageID: "<m1@example.org>"},
				"Message-ID, bare":      {MessageID: "m1@example.org"},
				"sender":                {Address: "sender1@EXAMPLE.org"},
				"one of the recipients": {Address: "<rcpt1@example.net>"},
				"address and time":      {Address: "rcpt1@example.net", From: begun.Add(-time.Second), To: begun.Add(time.Second)},
			} {
				if got := ids(t, a, q); len(got) != 1 || got[0] != want[1] {
					t.Errorf("%s, by %s: %v, want %s", age.name, name, got, want[1])
				}
			}
			for name, q := range map[string]Query{
				"a part of an address": {Address: "ender1@example.org"}, "another time": {QueueID: "4Q1", From: begun.Add(time.Second)},
				"a queue id as a reference": {Reference: "4Q1"}, "nobody": {Address: "nobody@example.org"},
			} {
				if got := ids(t, a, q); len(got) != 0 {
					t.Errorf("%s, by %s: %v", age.name, name, got)
				}
			}
		}
		time.Sleep(23 * 24 * time.Hour)
		settle()
		if got := files(t, j); got != "" {
			t.Errorf("kept too long: %s", got)
		}
		if events := told.events(); len(events) != 0 {
			t.Errorf("told of %v", events)
		}
	})
}

func TestNewestComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, _ := open(t, Config{SegmentSize: 4 << 10})
		for n := range 50 {
			r := numbered(n)
			j.Add(&r)
			time.Sleep(time.Second)
		}
		settle()
		a := archive(t, j)
		all := ids(t, a, Query{})
		last, err := a.Last(t.Context(), Query{Address: "all@example.net"}, 20)
		if err != nil || len(all) != 50 || len(last) != 20 || strings.Count(files(t, j), ".gz") < 3 {
			t.Fatal(err, len(all), len(last), files(t, j))
		}
		for i, e := range last {
			if e.Envelope.ID != all[49-i] {
				t.Fatalf("%d: %s, want %s", i, e.Envelope.ID, all[49-i])
			}
		}
	})
}

func TestTornLineIsSkippedAndEnded(t *testing.T) {
	synctest.Test(t, tornLineIsSkippedAndEnded) // begins at midnight: two days have two segments
}

func tornLineIsSkippedAndEnded(t *testing.T) {
	j := written(t, Config{}, 1)
	f, err := os.OpenFile(j.dir.file(segments(t, j)[0].name()), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"v":1,"id":"1NG42D4PGFG1","from":"half of a l`)
	f.Close()
	if got := ids(t, archive(t, j), Query{}); len(got) != 1 {
		t.Errorf("%v", got)
	}
	again, _ := open(t, Config{Dir: j.dir.path})
	r2 := numbered(2)
	again.Add(&r2)
	again.Close(time.Minute)
	if got := ids(t, archive(t, j), Query{}); len(got) != 2 || files(t, j) != "000.jsonl" {
		t.Errorf("%v in %s", got, files(t, j))
	}
}

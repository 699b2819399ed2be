package journal

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"proxyfilter/filter"
)

// A queue keeps order and bound, and loses nothing that is worth more for what is
// worth less.
func TestQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 40 * (overhead + 8)
		q := newQueue(limit)
		worth := map[string]bool{}
		var held, out []string
		lost := 0
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				line := fmt.Sprintf("%07d\n", len(worth))
				worth[line] = rapid.Bool().Draw(t, "worth more")
				lost += q.put([]byte(line), worth[line])
				held = append(held, line)
			},
			"take": func(t *rapid.T) {
				if q.first() == nil {
					return
				}
				lines, n, ok := q.take(nil, rapid.IntRange(1, 100).Draw(t, "most"))
				if !ok || n != bytes.Count(lines, []byte("\n")) {
					t.Fatalf("%d %v %q", n, ok, lines)
				}
				out = append(out, strings.SplitAfter(strings.TrimSuffix(string(lines), "\n"), "\n")...)
			},
			"": func(t *rapid.T) {
				if q.size > limit || q.size < 0 {
					t.Fatalf("%d bytes of %d", q.size, limit)
				}
				if !slices.IsSorted(out) {
					t.Fatalf("out of order: %v", out)
				}
				if n := q.rows[0].len() + q.rows[1].len() + len(out) + lost; n != len(held) {
					t.Fatalf("%d lines became %d", len(held), n)
				}
				if len(q.rows[0].entries) > 200 {
					t.Fatal("a row grows without end")
				}
			},
		})
	})
}

func TestWhatWasRefusedStaysWhenTheQueueIsFull(t *testing.T) {
	q := newQueue(10 * (overhead + 2))
	lost := 0
	for range 20 {
		lost += q.put([]byte("a\n"), false)
	}
	for range 10 {
		lost += q.put([]byte("r\n"), true)
	}
	lines, n, _ := q.take(nil, 1000)
	if string(lines) != strings.Repeat("r\n", 10) || n != 10 || lost != 20 {
		t.Errorf("%q, %d lost", lines, lost)
	}
}

func TestAddWithoutADiskDoesNotWaitAndCounts(t *testing.T) {
	j, told := open(t, Config{QueueSize: 64 << 10})
	unlock, err := j.dir.lock(writeLock) // a disk that hangs
	if err != nil {
		t.Fatal(err)
	}
	for n := range 500 {
		r := numbered(n)
		j.Add(&r)
		r.Verdict.Action, r.QueueID = filter.Reject, ""
		if n < 20 {
			j.Add(&r)
		}
	}
	unlock()
	j.Close(time.Minute)
	refused := 0
	for e, err := range archive(t, j).All(t.Context(), Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Verdict.Action == filter.Reject {
			refused++
		}
	}
	if refused != 20 || j.Lost(LostQueue) < 300 || j.Lost(LostDisk) != 0 {
		t.Errorf("%d of 20 refusals are there, %d records are lost", refused, j.Lost(LostQueue))
	}
	if got := told.events(); !slices.Equal(got, []Event{Losing, Writing}) {
		t.Errorf("told of %v", got)
	}
}

func TestDiskThatFailsIsToldOnceAndRecovers(t *testing.T) {
	j, told := open(t, Config{})
	if err := os.Rename(j.dir.path, j.dir.path+".away"); err != nil {
		t.Fatal(err)
	}
	r := numbered(1)
	j.Add(&r)
	first := told.await(Losing)
	j.Add(&r)
	if err := os.Rename(j.dir.path+".away", j.dir.path); err != nil {
		t.Fatal(err)
	}
	r = numbered(2)
	j.Add(&r)
	j.Close(time.Minute)
	if got := ids(t, archive(t, j), Query{QueueID: "4Q2"}); len(got) != 1 {
		t.Errorf("%v", got)
	}
	if first.Why != LostDisk || first.Err == nil || j.Lost(LostDisk) == 0 {
		t.Errorf("told of %+v", first)
	}
	if told.await(Writing); slices.Contains(told.events(), Losing) {
		t.Error("told twice")
	}
}

func TestRecordsAfterTheEndAreCounted(t *testing.T) {
	j, _ := open(t, Config{})
	j.Close(time.Minute)
	r := numbered(1)
	j.Add(&r)
	if j.Lost(LostQueue) != 1 {
		t.Error("nobody knows")
	}
}

package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// toAnn is a record of a person who will ask to be forgotten.
func toAnn(j *Journal, n int) {
	r := numbered(n)
	r.Envelope.Recipients = append(r.Envelope.Recipients, "Ann@example.org")
	j.Add(&r)
}

func TestErasedAddressIsNowhereAtAnyAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, _ := open(t, Config{})
		for day := range 10 {
			for n := range 4 {
				r := numbered(day*10 + n)
				j.Add(&r)
			}
			toAnn(j, day*10+4)
			time.Sleep(24 * time.Hour)
		}
		r := numbered(100)
		j.Add(&r)
		toAnn(j, 101)
		settle()
		a := archive(t, j)
		if n := len(ids(t, a, Query{Address: "ann@example.org"})); n != 11 {
			t.Fatalf("%d records name her", n)
		}
		before := files(t, j)
		n, err := a.Erase(t.Context(), "ann@EXAMPLE.ORG")
		if n != 11 || err != nil {
			t.Errorf("erased %d, %v", n, err)
		}
		if n := len(ids(t, a, Query{Address: "ann@example.org"})); n != 0 {
			t.Errorf("%d records still name her", n)
		}
		if n := len(ids(t, a, Query{})); n != 41 {
			t.Errorf("%d of the 41 others are left", n)
		}
		if n := len(ids(t, a, Query{QueueID: "4Q23"})); n != 1 {
			t.Errorf("%d records found through an index", n)
		}
		toAnn(j, 102)
		settle()
		if n := len(ids(t, a, Query{})); n != 42 {
			t.Errorf("%d records after one more", n)
		}
		if n, err := a.Erase(t.Context(), "nobody@example.org"); n != 0 || err != nil {
			t.Error(n, err)
		}
		if before == files(t, j) || strings.Contains(files(t, j), "tmp") {
			t.Errorf("the files were %s and are %s", before, files(t, j))
		}
	})
}

func TestNothingIsLostWhileARunningJournalIsErased(t *testing.T) {
	j, told := open(t, Config{SegmentSize: 32 << 10})
	a := archive(t, j)
	const each = 300
	var adding sync.WaitGroup
	for w := range 2 {
		adding.Go(func() {
			for n := range each {
				r := numbered(w*each + n)
				j.Add(&r)
				if n%10 == 0 {
					toAnn(j, 10000)
				}
			}
		})
	}
	erased := 0
	for range 20 {
		n, err := a.Erase(t.Context(), "ann@example.org")
		if err != nil {
			t.Fatal(err)
		}
		erased += n
	}
	adding.Wait()
	j.Close(time.Minute)
	n, err := a.Erase(t.Context(), "ann@example.org")
	if erased+n != 2*each/10 || err != nil {
		t.Errorf("erased %d and %d, want %d (%v)", erased, n, 2*each/10, err)
	}
	if got := len(ids(t, a, Query{})); got != 2*each {
		t.Errorf("%d of %d records are left", got, 2*each)
	}
	for _, e := range told.events() {
		t.Errorf("told of %s", e)
	}
}

func TestErasingWaitsForWhoeverRewrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, _ := open(t, Config{})
		toAnn(j, 1)
		settle()
		unlock, err := j.dir.lock(maintainLock)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := archive(t, j).Erase(ctx, "ann@example.org"); !errors.Is(err, errLocked) {
			t.Error(err)
		}
		time.AfterFunc(time.Second, unlock)
		if n, err := archive(t, j).Erase(t.Context(), "ann@example.org"); n != 1 || err != nil {
			t.Error(n, err)
		}
	})
}

func TestNobodyIsErasedByAPartOfAnAddress(t *testing.T) {
	for _, test := range []struct {
		text string
		want bool
	}{
		{"ann@example.org", true},
		{`"Ann" <Ann@Example.ORG>`, true},
		{"<bounce-1234=ann@example.org>", true},
		{"x, ann@example.org.", true},
		{"joann@example.org", false},
		{"mary-ann@example.org", false},
		{"ann@example.org.uk", false},
		{"ann@example.organ", false},
		{"joann@example.org and ann@example.org", true},
		{"", false},
	} {
		if got := mentions(test.text, "ann@example.org"); got != test.want {
			t.Errorf("%q: %v", test.text, got)
		}
	}
	j, _ := open(t, Config{})
	for _, part := range []string{" <> ", "ann", "@example.org", "example.org", "ann@"} {
		if n, err := archive(t, j).Erase(t.Context(), part); n != 0 || err == nil {
			t.Errorf("%q: %d, %v", part, n, err)
		}
	}
}

func TestUnfinishedWorkOfADeadProcessIsFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, _ := open(t, Config{})
		for n := range 5 {
			r := numbered(n)
			j.Add(&r)
		}
		settle()
		time.Sleep(25 * time.Hour)
		settle()
		all := segments(t, j)
		if len(all) != 1 || all[0].plain() {
			t.Fatal(all)
		}
		s := all[0]
		packed, err := os.ReadFile(j.dir.file(s.name()))
		if err != nil {
			t.Fatal(err)
		}
		// As left by crashes: between two renames, and in the middle of writing.
		plain := s
		plain.generation = 0
		for name, data := range map[string][]byte{
			plain.name(): []byte("{}\n"), s.next().name(): packed, s.next().name() + unfinished: packed[:20],
			"20000101T000000Z-777.1.index": nil,
		} {
			if err := os.WriteFile(j.dir.file(name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := ids(t, archive(t, j), Query{QueueID: "4Q3"}); len(got) != 1 {
			t.Errorf("without an index: %v", got)
		}
		time.Sleep(time.Hour)
		settle()
		if got := files(t, j); got != "000.3.index 000.3.jsonl.gz" {
			t.Errorf("left: %s", got)
		}
		if got := ids(t, archive(t, j), Query{QueueID: "4Q3"}); len(got) != 1 {
			t.Errorf("%v", got)
		}
	})
}

func TestDamageIsToldAndTheRestIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, told := open(t, Config{})
		for day := range 3 {
			r := numbered(day)
			j.Add(&r)
			time.Sleep(24 * time.Hour)
		}
		settle()
		all := segments(t, j)
		if len(all) < 2 {
			t.Fatal(all)
		}
		if err := os.WriteFile(j.dir.file(all[0].name()), []byte("no gzip"), 0o600); err != nil {
			t.Fatal(err)
		}
		last, err := archive(t, j).Last(t.Context(), Query{}, 10)
		if len(last) != 2 || err == nil || !strings.Contains(err.Error(), all[0].name()) {
			t.Errorf("%d records, %v", len(last), err)
		}
		time.Sleep(7 * 24 * time.Hour)
		settle()
		if got := told.events(); fmt.Sprint(got) != "[untended]" {
			t.Errorf("told of %v", got)
		}
		if got := files(t, j); strings.Count(got, "hashed.jsonl") != 2 {
			t.Errorf("the others were not tended: %s", got)
		}
	})
}

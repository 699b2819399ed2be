package journal

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// A name says what is in it, and is the only one that says so.
func FuzzSegmentName(f *testing.F) {
	for _, seed := range []string{
		"20261126T053602Z-000.jsonl", "20261126T053602Z-000.1.jsonl.gz", "20261202T000000Z-999.12.hashed.jsonl.gz",
		"20261126T053602Z-000.0.jsonl.gz", "20269926T053602Z-000.jsonl", "20261126T053602Z-000.01.jsonl.gz", "key",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if s, ok := parseSegment(name); ok && s.name() != name {
			t.Errorf("%q became %q", name, s.name())
		}
	})
}

// lines gives what stands between line ends, but for what is too long, too short,
// or has no end.
func FuzzLines(f *testing.F) {
	f.Add("{}\n{\"v\":1}\nhalf", 3)
	f.Add(strings.Repeat("x", 300)+"\nabc\n", 1000)
	f.Fuzz(func(t *testing.T, text string, times int) {
		whole := strings.Repeat(text, 1+max(0, min(times, 5000/(1+len(text)))))
		var want, got []string
		for line := range strings.Lines(whole) {
			if len(line) >= 2 && len(line) <= maxLine && strings.HasSuffix(line, "\n") {
				want = append(want, strings.TrimSuffix(line, "\n"))
			}
		}
		for line, err := range lines(t.Context(), strings.NewReader(whole)) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(line))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

func TestLongLinesAreReadAndLongerOnesSkipped(t *testing.T) {
	long := strings.Repeat("x", maxLine-1)
	text := long + "\n" + long + "xx\n" + strings.Repeat("y", 5*maxLine) + "\nend\n"
	var got []int
	for line, err := range lines(t.Context(), strings.NewReader(text)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, len(line))
	}
	if !slices.Equal(got, []int{maxLine - 1, 3}) {
		t.Errorf("lines of %v bytes", got)
	}
}

// An index names the block of everything that was entered, and hardly any other.
func TestIndexFindsWhatWasEntered(t *testing.T) {
	d := directory{path: t.TempDir()}
	s := segment{base: "20261126T053602Z-000", generation: 1}
	rapid.Check(t, func(t *rapid.T) {
		x := &indexer{}
		place := map[string]int64{}
		for b := range rapid.IntRange(1, 20).Draw(t, "blocks") {
			x.block(int64(b) * 1000)
			for _, id := range rapid.SliceOfN(rapid.StringMatching(`[0-9A-Z]{8}`), 0, 20).Draw(t, "ids") {
				if _, known := place[id]; !known {
					x.add("", id, "")
					place[id] = int64(b) * 1000
				}
			}
		}
		if err := d.put(s.index(), x.bytes()); err != nil {
			t.Fatal(err)
		}
		read, err := d.openIndex(s)
		if err != nil {
			t.Fatal(err)
		}
		defer read.close()
		for id, want := range place {
			if got, err := read.find(hashOf(byQueueID, id)); err != nil || !slices.Equal(got, []int64{want}) {
				t.Fatalf("%s is at %v, %v; want %d", id, got, err, want)
			}
			if got, err := read.find(hashOf(byReference, id)); err != nil || len(got) > 0 {
				t.Fatalf("%s is a reference at %v, %v", id, got, err)
			}
		}
	})
}

// Whatever an index file holds, reading it ends, within its bounds.
func FuzzIndex(f *testing.F) {
	x := &indexer{}
	x.block(0)
	x.add("1NG42D4PGFG1", "4ABC", "1@example.org")
	f.Add(x.bytes())
	f.Add([]byte(indexMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := directory{path: t.TempDir()}
		s := segment{base: "20261126T053602Z-000", generation: 1}
		if err := os.WriteFile(d.file(s.index()), b, 0o600); err != nil {
			t.Fatal(err)
		}
		x, err := d.openIndex(s)
		if err != nil {
			return
		}
		defer x.close()
		if offsets, err := x.find(hashOf(byQueueID, "4ABC")); err == nil && len(offsets) > x.entries {
			t.Errorf("%d offsets of %d entries", len(offsets), x.entries)
		}
	})
}

func TestCompressedSegmentIsWhatZcatReads(t *testing.T) {
	j := written(t, Config{SegmentSize: 1}, 3)
	if err := j.tend(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, s := range segments(t, j) {
		f, err := os.Open(j.dir.file(s.name()))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&text, z); err != nil {
			t.Fatal(err)
		}
	}
	if bytes.Count(text.Bytes(), []byte("\n")) != 3 {
		t.Errorf("%s", text.String())
	}
}

func TestReaderFollowsASegmentThatIsRewrittenUnderIt(t *testing.T) {
	j := written(t, Config{SegmentSize: 1}, 2)
	a := archive(t, j)
	s := segments(t, j)[0]
	if err := j.tend(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(j.dir.file(s.name())); err == nil && s.plain() {
		t.Fatalf("%s is still there", s.name())
	}
	s.generation = 0 // as it was called when the directory was read
	found := 0
	for _, err := range a.found(t.Context(), s, a.want(Query{})) {
		if err != nil {
			t.Fatal(err)
		}
		found++
	}
	if found == 0 {
		t.Error("its records are lost on the way")
	}
}

func TestSegmentThatGrowsWhileItIsCompressedStays(t *testing.T) {
	synctest.Test(t, segmentThatGrowsStays) // begins at midnight: two days have two segments
}

func segmentThatGrowsStays(t *testing.T) {
	j := written(t, Config{}, 1)
	s := segments(t, j)[0]
	other := live{dir: j.dir, period: 24 * time.Hour, limit: DefaultSegmentSize}
	defer other.leave()
	grow := sync.OnceFunc(func() {
		if err := other.append(time.Now(), []byte("{}\n")); err != nil {
			t.Error(err)
		}
	})
	change := func(line []byte) ([]byte, error) {
		grow()
		return asItIs(line)
	}
	if err := j.dir.rewrite(t.Context(), s, s.next(), change); !errors.Is(err, errGrown) {
		t.Fatal(err)
	}
	if got := ids(t, archive(t, j), Query{}); len(got) != 1 || !strings.HasSuffix(files(t, j), "000.jsonl") {
		t.Errorf("%v in %s", got, files(t, j))
	}
}

package journal

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// doomed is the variable that makes the test binary a process that writes until it
// is killed.
const doomed = "JOURNAL_DOOMED"

func TestMain(m *testing.M) {
	if dir := os.Getenv(doomed); dir != "" {
		writeUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}

// writeUntilKilled adds records, and says which ones a reader can see.
func writeUntilKilled(dir string) {
	j, err := Open(Config{Dir: dir, SegmentSize: 16 << 10})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for n := 0; ; n++ {
		r := numbered(n)
		r.QueueID = fmt.Sprintf("4P%dN%d", os.Getpid(), n)
		j.Add(&r)
		if n%100 != 99 {
			continue
		}
		j.Close(time.Minute)
		fmt.Println(r.QueueID)
		if j, err = Open(j.config); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
}

func TestKilledWriterLosesAtMostWhatWasNotWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	want := 0
	for round := range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), doomed+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		last := ""
		for range round + 1 { // at another moment each time
			if lines.Scan() {
				last = lines.Text()
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() {
			last = lines.Text()
		}
		_ = cmd.Wait() // it was killed
		_, number, ok := strings.Cut(last, "N")
		n, err := strconv.Atoi(number)
		if !ok || err != nil {
			t.Fatalf("it said %q", last)
		}
		want += n + 1
		a, err := OpenArchive(dir)
		if err != nil {
			t.Fatal(err)
		}
		got := len(ids(t, a, Query{}))
		if got < want {
			t.Fatalf("round %d: %d records, want at least %d", round, got, want)
		}
		want = got
		if got := ids(t, a, Query{QueueID: last}); len(got) != 1 {
			t.Errorf("round %d: %s is there %d times", round, last, len(got))
		}
	}
	j, _ := open(t, Config{Dir: dir, SegmentSize: 16 << 10})
	if err := j.tend(t.Context(), time.Now()); err != nil && !errors.Is(err, errLocked) {
		t.Fatal(err)
	}
	j.Close(time.Minute)
	if got := len(ids(t, archive(t, j), Query{})); got != want {
		t.Errorf("%d records after tidying up, want %d", got, want)
	}
}

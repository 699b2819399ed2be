package embedded

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// victimVariable makes the test binary the process that is killed; its value is
// where the file is.
const victimVariable = "EMBEDDED_TEST_VICTIM"

// victim stores as quickly as it can, and says what it has stored, until it is
// killed.
func victim(dir string) {
	s, err := Open(Config{Path: filepath.Join(dir, "state.db")})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	for i := 0; ; i++ {
		key := fmt.Sprintf("%d.%d", os.Getpid(), i)
		err := together(5, func(n int) error {
			return s.Put(context.Background(), fmt.Sprintf("%s.%d", key, n), []byte(key), time.Hour)
		})
		if err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println(key)
	}
}

func TestKill9LosesNothingThatWasStored(t *testing.T) {
	dir := t.TempDir()
	var stored []string
	for round := range 8 {
		stored = append(stored, killed(t, dir, 1+7*round)...)
	}
	s := opened(t, Config{Path: filepath.Join(dir, "state.db")})
	for _, key := range stored {
		for n := range 5 {
			value, found, err := s.Get(t.Context(), fmt.Sprintf("%s.%d", key, n))
			if err != nil || !found || string(value) != key {
				t.Fatalf("%s.%d: %q, %v, %v", key, n, value, found, err)
			}
		}
	}
	if len(stored) < 8 {
		t.Errorf("only %d keys were stored", len(stored))
	}
}

// killed runs a victim, kills it once it has said so many keys, and returns all
// that it has said.
func killed(t *testing.T, dir string, after int) (said []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimVariable+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "error") {
			t.Error(lines.Text())
			break
		}
		said = append(said, lines.Text())
		if len(said) == after {
			cmd.Process.Kill() // SIGKILL
		}
	}
	cmd.Wait()
	return said
}

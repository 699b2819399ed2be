package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// TestMain makes this binary the program itself when a script calls it, and
// looks for goroutines that outlive the tests.
func TestMain(m *testing.M) {
	testscript.Main(leakless{m}, map[string]func(){"proxyfilter": main})
}

type leakless struct{ *testing.M }

func (l leakless) Run() int {
	code := l.M.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

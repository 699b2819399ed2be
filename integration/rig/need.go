package rig

import (
	"fmt"
	"os"
)

// Test is what skips, or fails: a *testing.T or a *testing.B. The demo uses this
// package too, and carries no test code.
type Test interface {
	Helper()
	Fatal(args ...any)
	Skip(args ...any)
}

// Need ends a test where one of these programs is missing (Lacking); see Lacks.
func Need(t Test, programs ...string) {
	t.Helper()
	if err := Lacking(programs...); err != nil {
		Lacks(t, err)
	}
}

// Lacks ends a test that lacks something which integration/install.sh installs: it
// is skipped, aloud. Where CI is set, to whatever value, that is a failure: there,
// what is not tested is broken.
func Lacks(t Test, why error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal("in CI this is a failure:", why)
	}
	t.Skip("SKIPPED:", why)
}

// Cannot skips a test, aloud, for what no package mends, in CI too: a right that the
// kernel does not grant, a Docker engine, a program that is too new to have a defect.
func Cannot(t Test, format string, args ...any) {
	t.Helper()
	t.Skip("SKIPPED: " + fmt.Sprintf(format, args...))
}

package rig

import (
	"runtime"
	"testing"
)

// ending is a test that says how it ended.
type ending struct{ how chan string }

func (e ending) Helper()      {}
func (e ending) Fatal(...any) { e.end("failed") }
func (e ending) Skip(...any)  { e.end("skipped") }

func (e ending) end(how string) {
	e.how <- how
	runtime.Goexit()
}

func TestWhatAPackageBringsIsSkippedElsewhereAndAFailureInCI(t *testing.T) {
	const absent = "proxyfilter-no-such-program"
	for _, c := range []struct {
		name, ci string
		test     func(Test)
		want     string
	}{
		{"a program that is there", "true", func(t Test) { Need(t, "sh") }, "went on"},
		{"one that is missing", "", func(t Test) { Need(t, "sh", absent) }, "skipped"},
		{"one that is missing in CI", "true", func(t Test) { Need(t, "sh", absent) }, "failed"},
		{"whatever CI is set to", "1", func(t Test) { Need(t, absent) }, "failed"},
		{"what no package mends, in CI too", "true", func(t Test) { Cannot(t, "no right to %s", "mount") }, "skipped"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("CI", c.ci)
			e := ending{make(chan string, 1)}
			go func() {
				c.test(e)
				e.how <- "went on"
			}()
			if got := <-e.how; got != c.want {
				t.Errorf("it %s, want it %s", got, c.want)
			}
		})
	}
}

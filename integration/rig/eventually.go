package rig

import "time"

// Eventually looks again and again until something is true that nobody tells of,
// such as what another process does. Three minutes are what no test takes that
// succeeds, on whatever machine.
func Eventually(t Test, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(3 * time.Minute); !is(); <-tick.C {
		if time.Now().After(limit) {
			t.Fatal("waited in vain for " + what)
		}
	}
}

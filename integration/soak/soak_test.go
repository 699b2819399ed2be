//go:build integration

package main

import (
	"bytes"
	"os"
	"strconv"
	"testing"
	"time"

	"proxyfilter/integration/rig"
)

// Some seconds of each part; `make soak` has minutes. SOAK_SEED repeats a run. The
// scans are long, for on a machine that has much else to do the program needs more
// time between two of them, and a client more to hear a reply.
func TestUnderLoadNothingGrowsStarvesOrIsLost(t *testing.T) {
	rig.Need(t, "postfix", "spamd")
	seed, _ := strconv.ParseUint(os.Getenv("SOAK_SEED"), 10, 64)
	var out bytes.Buffer
	err := run(t.Context(), plan{long: 8 * time.Second, flood: 6 * time.Second, scan: 2 * time.Second, conversations: 2000, seed: seed}, &out, t.Output())
	t.Logf("\n%s", &out)
	if err != nil {
		t.Error(err)
	}
}

//go:build integration

package main

import (
	"bytes"
	"os"
	"strconv"
	"testing"

	"proxyfilter/integration/rig"
)

// Twenty kills; `make verify` has two hundred. KILLS_SEED repeats a run.
func TestWhateverIsKilledNothingIsLostOrLetInAndDoublesAreExplained(t *testing.T) {
	rig.Need(t, "postfix", "spamd")
	seed, _ := strconv.ParseUint(os.Getenv("KILLS_SEED"), 10, 64)
	var out bytes.Buffer
	err := run(t.Context(), plan{kills: 20, clients: 8, seed: seed}, &out, t.Output())
	t.Logf("\n%s", &out)
	if err != nil {
		t.Error(err)
	}
}

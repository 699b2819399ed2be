//go:build integration

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"proxyfilter/filter/socketmap/socketmaptest"
	"proxyfilter/integration/rig"
)

// TestPostfixAsksTheSameMap: postmap(1), which knows nothing of our client, gets from the
// test server what we get, so the server speaks the protocol as it is.
func TestPostfixAsksTheSameMap(t *testing.T) {
	need(t, "postfix")
	customers := socketmaptest.New("policy", map[string]string{"bob@example.net": "gold bob"})
	at, err := customers.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer customers.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.cf"), []byte("compatibility_level = 3.6\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"bob@example.net": "gold bob", "nobody@example.net": ""} {
		out, err := exec.CommandContext(within(t), rig.Program("postmap"), "-c", dir, "-q", key, "socketmap:inet:"+at.String()+":policy").Output()
		if got := strings.TrimSpace(string(out)); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", key, got, err)
		}
	}
}

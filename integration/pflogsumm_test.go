//go:build integration

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"proxyfilter/integration/rig"
)

// examples/logs/README.md says what is counted how.
func TestPflogsummTakesRefusalsForReceivedMail(t *testing.T) {
	rig.Need(t, "pflogsumm")
	s := own(t, rig.Options{})
	mark := s.Postfix.Log.Mark()
	id := uniqueID(t)
	front := s.Postfix.Front
	if reply := (visit{content: message(id, "hello\r\n")}).deliver(t, front); !strings.HasPrefix(reply.String(), "250") {
		t.Fatal(reply)
	}
	if reply := (visit{content: message(uniqueID(t), gtube+"\r\n")}).deliver(t, front); !strings.HasPrefix(reply.String(), "550") {
		t.Fatal(reply)
	}
	for _, line := range []string{`qmgr.*: removed`, `proxy-reject: `} {
		if _, err := s.Postfix.Log.Wait(within(t), mark, line); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "mail.log")
	text := strings.Join(s.Postfix.Log.All(mark, "."), "\n") + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "pflogsumm", file).CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}

	for name, want := range map[string]string{"received": "2", "delivered": "1", "rejected": "0", "deferred": "0", "bounced": "0"} {
		if !regexp.MustCompile(`(?m)^ +` + want + ` +` + name + `\b`).Match(out) {
			t.Errorf("%s is not %s in\n%s", name, want, out)
		}
	}
}

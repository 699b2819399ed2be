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
	rig.Need(t, "postfix")
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

// TestCustomersOfTheMapThroughRealPostfix: one message for three recipients is under the
// three policies that the map says.
func TestCustomersOfTheMapThroughRealPostfix(t *testing.T) {
	customers := socketmaptest.New("policy", map[string]string{
		"takes@example.net": "takes", "marks@example.net": "marks mailbox", "refuses@example.net": "refuses",
	})
	at, err := customers.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer customers.Close()
	s := own(t, rig.Options{Filter: rig.FilterOptions{
		Set: []string{"policy.policy_map=socketmap:inet:" + at.String() + ":policy"},
		Sections: "\n[policies.takes]\ntag_at = 5000.0\nreject_at = 6000.0\n[policies.marks]\nreject_at = \"never\"\n" +
			"[policies.refuses]\nreject_at = 10.0\n",
	}})
	c, err := rig.Dial(within(t), s.Postfix.Front, rig.Stranger)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, command := range []string{
		"EHLO client.example.org", "MAIL FROM:<carol@example.org>",
		"RCPT TO:<takes@example.net>", "RCPT TO:<marks@example.net>", "RCPT TO:<refuses@example.net>",
	} {
		if reply, err := c.Say(command); err != nil || reply.Code != 250 {
			t.Fatalf("%s: %v %v", command, reply, err)
		}
	}
	reply, err := c.Data(message(uniqueID(t), gtube+"\r\n"))
	if err != nil || reply.Code != 250 {
		t.Fatalf("told %v: %v", reply, err)
	}
	if _, err := s.Filter.Log.Wait(within(t), 0, `policies=takes:accept:6000,marks:tag:never,refuses:reject:10`); err != nil {
		t.Error(err)
	}
	if mails, err := s.Postfix.Delivered(within(t), queueID(t, reply.Text)); err != nil || len(mails) != 3 {
		t.Errorf("%d copies: %v", len(mails), err)
	}
}

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"proxyfilter/filter/spamd/spamdtest"
)

// otherwise has a different value for every key that a reload takes over.
const otherwise = `
[listeners.submission]
listen = ["127.0.0.1:10026"]
policy = "own"
[budget]
wait = "10s"
[lists]
accept_clients = ["192.0.2.1"]
accept_senders = ["partner.example"]
accept_signed = ["signer.example"]
accept_recipients = ["trap.example"]
refuse_recipients = ["nobody.example"]
refuse_clients = ["192.0.2.2"]
refuse_senders = ["pest.example"]
[spamd]
servers = ["127.0.0.2:783"]
balance = "first"
slots = 5
user = "{recipient}"
shared_user = "mail"
scan_limit = "1MB"
connect_timeout = "1s"
[clamd]
server = "unix:/run/clamav/clamd.ctl"
slots = 5
scan_limit = "1MB"
connect_timeout = "1s"
timeout = "20s"
on_scan_failure = "accept"
[guard]
mode = "observe"
window = "10m"
baseline = "12h"
factor = 4
least = 8
[policies.customer]
recipients = ["example.org"]
[policy]
mode = "observe"
tag_at = 4.0
reject_at = 8.0
on_scan_failure = "accept"
on_busy = "accept"
blind_limit = "4h"
virus = "tag"
ignore_health = true
reject_text = "No, {id}{contact}"
contact = "; call us"
headers = "none"
fields = ["X-Our-Score: {score}"]
silence_autoresponders = true
subject_prefix = "[SPAM]"
forwarded = ["example.com"]
forwarded_reject_at = 5.0
forwarders = ["192.0.2.0/24"]
lists_reject_at = 12.0
panic_file = "/run/panic"
mixed = "split"
speed_adjust = "off"
recipient_delimiter = "+"
policy_map = "socketmap:unix:/run/customers:policy"
on_map_failure = "defer"
`

func TestReloadTakesOverEveryKeyThatIsSaidToBeLive(t *testing.T) {
	running, err := load(sources{file: write(t, "[listeners.submission]\nlisten = [\"127.0.0.1:10026\"]\n")})
	if err != nil {
		t.Fatal(err)
	}
	next, err := load(sources{file: write(t, otherwise)})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, k := range next.allKeys() {
		if k.live {
			want = append(want, k.name)
		}
	}
	live, restart := changed(&running.config, &next.config)
	if diff := cmp.Diff(want, live); diff != "" || len(restart) > 0 {
		t.Fatalf("changed (-want +got):\n%s\n%v", diff, restart)
	}
	adopted := adopt(running.config, &next.config)
	if live, restart := changed(&adopted, &next.config); len(live)+len(restart) > 0 {
		t.Errorf("not taken over: %v %v", live, restart)
	}
	if running.Listeners[0].Policy != "" {
		t.Error("the configuration in force was changed under its users")
	}
}

func TestListenersThatComeAndGoNeedARestart(t *testing.T) {
	a, b := defaults("json"), defaults("json")
	a.Listeners = []listenerConfig{{Name: "old"}}
	b.Listeners = []listenerConfig{{Name: "new"}}
	_, restart := changed(&a, &b)
	for _, name := range []string{"listeners.old.listen", "listeners.new.policy"} {
		if !slices.Contains(restart, name) {
			t.Errorf("%s is missing in %v", name, restart)
		}
	}
}

func TestJournalPutsNameAndTimeInFrontItself(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	for variable, want := range map[string]bool{
		fmt.Sprintf("JOURNAL_STREAM=%d:%d", st.Dev, st.Ino):   true,
		fmt.Sprintf("JOURNAL_STREAM=%d:%d", st.Dev, st.Ino+1): false,
		"OTHER=1": false,
	} {
		if got := newPrefix([]string{variable}, f).journal; got != want {
			t.Errorf("%s: %v", variable, got)
		}
	}
}

func TestContainersLogJSON(t *testing.T) {
	for _, variable := range []string{"container=podman", "KUBERNETES_SERVICE_HOST=10.0.0.1"} {
		if got := defaultFormat([]string{"A=b", variable}); got != "json" {
			t.Errorf("%s: %s", variable, got)
		}
	}
}

func TestSpoolGoesWhereSystemdOrTheAdministratorWantsIt(t *testing.T) {
	for _, test := range []struct {
		name, dir, want string
		environ         []string
	}{
		{"the configuration first", "/spool", "/spool", []string{"CACHE_DIRECTORY=/cache"}},
		{"then the first directory of systemd", "", "/cache", []string{"TMPDIR=/tmp", "CACHE_DIRECTORY=/cache:/other"}},
		{"then the directory for temporary files", "", "/t", []string{"TMPDIR=/t", "CACHE_DIRECTORY="}},
		{"at last a place on the disk", "", "/var/tmp", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := defaults("json")
			c.Budget.SpoolDir = test.dir
			if got := spoolDir(&c, test.environ); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestLargeMailWithoutASoundSignatureIsRefusedByItsFirstPart(t *testing.T) {
	addr := startSpamd(t, &spamdtest.Server{Reply: spamdtest.Reply{Score: 20}})
	body := strings.Repeat("a line of a large message\n", 4000)
	for name, field := range map[string]string{
		"no signature": "",
		// Of another domain than the author's, so no name is looked up.
		"a stranger's signature": "DKIM-Signature: v=1; a=rsa-sha256; d=example.net; s=x; h=from; bh=AAAA; b=AAAA\n",
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := called(field+"From: a@example.org\n\n"+body, "scan", "-o", "spamd.servers="+addr, "-o", "spamd.scan_limit=16KB", "-")
			if code != exitNo {
				t.Errorf("exit code %d: %s%s", code, out, errs)
			}
		})
	}
}

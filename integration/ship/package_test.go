//go:build integration

package ship

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// blocks are what the package tells an administrator to add to master.cf.
func blocks(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "examples/postfix/master.cf"))
	if err != nil {
		t.Fatal(err)
	}
	second := regexp.MustCompile(`(?m)^127\.0\.0\.1:10025 .*\n(?:[ \t#].*\n)*`).Find(text)
	if second == nil {
		t.Fatal("examples/postfix/master.cf has no second listener")
	}
	return string(second)
}

const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

// send is a message to the container's own Postfix, and what the client was told.
func (c container) send(body string) string {
	c.t.Helper()
	out, _ := c.attempt("swaks --server 127.0.0.1:25 --local-interface 127.0.0.2 --ehlo client.example.org --from carol@example.org --to alice@mx.example.net --body '" + body + "'")
	return out
}

func (c container) wantReply(body, want string) string {
	c.t.Helper()
	out := c.send(body)
	if !strings.Contains(out, want) {
		c.t.Fatalf("want %q:\n%s\n%s", want, out, c.shell("journalctl --no-pager -n 30"))
	}
	return out
}

func TestThePackageOnABootedSystem(t *testing.T) {
	need(t, "debootstrap", "dpkg")
	old, next := must(t, ours.old).deb(t, runtime.GOARCH), must(t, ours.next).deb(t, runtime.GOARCH)
	c := start(t, booted(t, cmp.Or(ours.release, release(t, "VERSION_CODENAME"))), "--cap-add=SYS_ADMIN", "--security-opt", "seccomp=unconfined", "--cgroupns=private",
		"--hostname", "mx.example.net", "--tmpfs", "/run", "--tmpfs", "/tmp")
	c.until("systemctl is-active -q postfix spamd")
	before := c.shell("cat /etc/postfix/*.cf")

	t.Run("installing starts it, prints what to add, and leaves Postfix alone", func(t *testing.T) {
		out := c.install(old, "old.deb")
		for _, want := range []string{"smtpd_proxy_filter=127.0.0.1:10024", "127.0.0.1:10025 inet", `mode = "enforce"`} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
		c.until("proxyfilter health")
		c.shell("systemctl is-active proxyfilter.socket proxyfilter.service")
		if out := c.shell("systemd-analyze verify --man=no proxyfilter.socket proxyfilter.service 2>&1"); out != "" {
			t.Error(out)
		}
		if c.shell("cat /etc/postfix/*.cf") != before {
			t.Error("Postfix's configuration has changed")
		}
	})
	t.Run("the sandbox is tight", func(t *testing.T) {
		out := c.shell("systemd-analyze security --threshold=15 --no-pager proxyfilter | tail -1")
		t.Log(strings.TrimSpace(out))
		c.shell("systemd-analyze security --threshold=15 --no-pager proxyfilter >/dev/null")
		c.shell(`[ "$(ps -o user= -C proxyfilter)" = proxyf+ ] || [ "$(ps -o user= -C proxyfilter)" = proxyfilter ]`)
	})
	t.Run("with the two blocks in master.cf it observes", func(t *testing.T) {
		c.shell("useradd alice; postconf -e mydestination=mx.example.net mynetworks=127.0.0.1; " +
			"for o in proxy_filter=127.0.0.1:10024 proxy_options=speed_adjust proxy_timeout=100s; do postconf -P smtp/inet/smtpd_$o; done; " +
			"cat >>/etc/postfix/master.cf <<'EOF'\n" + blocks(t) + "EOF\npostfix check && postfix reload")
		c.until("grep -q ':030F ' /proc/net/tcp") // 783, in the kernel's own table
		c.wantReply("hello", "250 2.0.0 Ok: queued as")
		c.wantReply(gtube, "250 2.0.0 Ok: queued as")
	})
	t.Run("with enforce and a reload it refuses, and explains", func(t *testing.T) {
		c.shell(`sed -i 's/^mode = "observe"/mode = "enforce"/' /etc/proxyfilter/proxyfilter.toml && systemctl reload proxyfilter`)
		c.until("journalctl -u proxyfilter --no-pager | grep -q 'configuration reloaded'")
		out := c.wantReply(gtube, "550 5.7.1 Message refused")
		ref := regexp.MustCompile(`\(ref (\w+)\)`).FindStringSubmatch(out)
		if ref == nil {
			t.Fatal("no reference in", out)
		}
		c.until("proxyfilter explain " + ref[1] + " | grep -q GTUBE")
		c.until("journalctl SYSLOG_FACILITY=2 SYSLOG_IDENTIFIER=proxyfilter --no-pager | grep -q " + ref[1]) // mail.log
	})
	t.Run("a restart loses no message", func(t *testing.T) {
		c.shell(`(for i in 1 2 3 4 5 6 7 8; do systemctl restart proxyfilter; done; touch /tmp/restarted) >/dev/null 2>&1 &`)
		for n := 0; ; n++ {
			c.wantReply("hello", "250 2.0.0 Ok: queued as")
			if _, err := c.attempt("test -e /tmp/restarted"); err == nil {
				t.Logf("%d messages during eight restarts", n+1)
				return
			}
		}
	})
	t.Run("an upgrade keeps the socket and the configuration", func(t *testing.T) {
		since := c.shell("systemctl show -p ActiveEnterTimestampMonotonic proxyfilter.socket")
		c.install(next, "next.deb")
		if again := c.shell("systemctl show -p ActiveEnterTimestampMonotonic proxyfilter.socket"); again != since {
			t.Errorf("the socket was opened anew: %s, %s", since, again)
		}
		c.until("proxyfilter health")
		if out := c.shell("proxyfilter version"); !strings.Contains(out, "1.0.1") {
			t.Error(out)
		}
		c.wantReply(gtube, "550 5.7.1 Message refused")
	})
	t.Run("removing keeps the configuration, purging keeps nothing", func(t *testing.T) {
		c.shell("dpkg -r proxyfilter && test -e /etc/proxyfilter/proxyfilter.toml && test -d /var/lib/proxyfilter && ! systemctl is-active -q proxyfilter.socket")
		c.wantReply("hello", "451 ")
		c.shell("dpkg -P proxyfilter && ! ls -d /etc/proxyfilter /var/lib/proxyfilter /var/cache/proxyfilter 2>/dev/null")
	})
}

// install copies the package into the container and installs it there.
func (c container) install(deb, name string) string {
	c.t.Helper()
	command(c.t, "docker", "cp", deb, c.name+":/"+name)
	return c.shell("dpkg -i /" + name)
}

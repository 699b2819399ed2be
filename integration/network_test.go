//go:build integration

package integration

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"proxyfilter/integration/rig"
	"proxyfilter/relay/relaytest"
)

// network is two hosts, where the kernel allows any.
func network(t *testing.T) *rig.Network {
	t.Helper()
	rig.Need(t, "ip")
	n, err := rig.NewNetwork(within(t))
	if errors.Is(err, rig.ErrForbidden) {
		rig.Cannot(t, "%v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// hopOn is a next hop on the server's loopback.
func hopOn(t *testing.T, n *rig.Network) (*relaytest.Hop, string) {
	t.Helper()
	var ln net.Listener
	err := n.OnServer(func() (err error) {
		ln, err = net.Listen("tcp", "127.0.0.1:0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	hop := &relaytest.Hop{}
	go hop.Serve(ln)
	t.Cleanup(func() {
		ln.Close()
		hop.Close()
	})
	return hop, ln.Addr().String()
}

// connects tries whether anybody listens.
func connects(address string) error {
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err == nil {
		conn.Close()
	}
	return err
}

// abuse tries to send mail to elsewhere, and returns the last reply.
func abuse(address string) (string, error) {
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(conn)
	last := ""
	for _, command := range []string{
		"", "HELO x", "MAIL FROM:<a@example.net>", "RCPT TO:<victim@example.com>", "DATA", "Subject: x\r\n\r\nx\r\n.", "QUIT",
	} {
		if command != "" {
			fmt.Fprintf(conn, "%s\r\n", command)
		}
		line, err := in.ReadString('\n')
		if err != nil {
			break
		}
		if last = line; line[0] > '3' {
			break
		}
	}
	return last, nil
}

func TestFromAnotherHostNobodyGetsMailThrough(t *testing.T) {
	n := network(t)
	binary, err := ours.binary()
	if err != nil {
		t.Fatal(err)
	}
	const far, near = rig.ServerAddress + ":10024", "127.0.0.1:10024"
	const farPage, nearPage = rig.ServerAddress + ":10088", "127.0.0.1:10088"
	for _, c := range []struct {
		name    string
		options []string
		want    string // the last reply; empty: no connection
		taken   int
	}{
		{"by default", nil, "", 0},
		{"when it listens everywhere", []string{"server.listen=0.0.0.0:10024", "server.allow=127.0.0.0/8,203.0.113.0/24"}, "554 5.7.1 Access denied", 0},
		{"when it listens everywhere in IPv6", []string{"server.listen=[::]:10024", "server.allow=127.0.0.0/8,203.0.113.0/24"}, "554 5.7.1 Access denied", 0},
		{"unless server.allow has that host", []string{"server.listen=0.0.0.0:10024", "server.allow=127.0.0.0/8," + rig.ClientAddress}, "221 ", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			hop, next := hopOn(t, n)
			d, err := n.Run(within(t), binary, append(c.options, "relay.next_hop="+next, "spamd.servers=none",
				"journal.dir=", "store.path=", "log.format=postfix", "server.takeover=none")...)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Stop()
			var told string
			var refused error
			if err := n.OnClient(func() error {
				told, refused = abuse(far)
				if connects(farPage) == nil {
					return errors.New("the page of figures can be reached")
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
			if (refused != nil) != (c.want == "") || !strings.HasPrefix(told, c.want) {
				t.Errorf("told %q (%v), want %q", told, refused, c.want)
			}
			if got := len(hop.Report().Transactions); got != c.taken {
				t.Errorf("the next hop has seen %d transactions, want %d", got, c.taken)
			}
			// Without this the test could not tell a closed door from a dead program.
			if err := n.OnServer(func() (err error) { told, err = abuse(near); return err }); err != nil || !strings.HasPrefix(told, "221 ") {
				t.Errorf("on the host itself: %q, %v", told, err)
			}
			if err := n.OnServer(func() error { return connects(nearPage) }); err != nil {
				t.Errorf("the page of figures, on the host itself: %v", err)
			}
		})
	}
}

func TestListeningForOtherHostsWithoutNamingThemIsRefused(t *testing.T) {
	n := network(t)
	binary, err := ours.binary()
	if err != nil {
		t.Fatal(err)
	}
	d, err := n.Run(within(t), binary, "server.listen=0.0.0.0:10024")
	if err == nil {
		d.Stop()
		t.Fatal("it serves")
	}
	if !strings.Contains(err.Error(), "can be reached from elsewhere, but server.allow admits only loopback") {
		t.Error(err)
	}
}

//go:build integration

package integration

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"proxyfilter/integration/rig"
	"proxyfilter/relay/relaytest"
)

// terms is a site in which one can see what Postfix asks of a filter: the first
// Postfix talks to the program through a wiretap, or to a stand-in that answers
// as no filter should.
type terms struct {
	site    *rig.Site
	tap     *rig.Wiretap
	standIn string // address, of a filter or of a second Postfix
	front   map[string]string
}

const (
	lockstep = "-o smtpd_proxy_options="
	adjusted = "-o smtpd_proxy_options=speed_adjust"
)

// impatience is smtpd_proxy_timeout of the listeners that have little: so much that no
// busy machine uses it up between two bytes.
const impatience = 6 * time.Second

// listeners of the first Postfix, by name: what they have for a filter, and what
// else is special about each.
func listeners(tap, standIn, slowDoor, plainDoor, socket string) map[string][]string {
	return map[string][]string{
		"lockstep": {tap, lockstep, "-o inet_protocols=all"}, // for clients that pose with an IPv6 address
		"adjusted": {tap, adjusted},
		"raw":      {tap, lockstep, "-o smtpd_forbid_bare_newline=no", "-o smtpd_forbid_unauth_pipelining=no"},
		"strict":   {tap, lockstep, "-o smtpd_forbid_bare_newline=reject"},
		"verp":     {tap, lockstep, "-o smtpd_authorized_verp_clients=0.0.0.0/0"},
		"small":    {tap, lockstep, "-o message_size_limit=5000"},
		"access": {
			tap, lockstep, "-o { smtpd_sender_restrictions = check_sender_access inline:{" +
				"{prepend@example.org = PREPEND X-From-P: yes}, {hold@example.org = HOLD}, {redirect@example.org = REDIRECT bob@example.net}} }",
		},
		"stand-in, lockstep":  {standIn, lockstep},
		"stand-in, adjusted":  {standIn, adjusted},
		"stand-in, soft":      {standIn, lockstep, "-o soft_bounce=yes", "-o { smtpd_reject_footer = call us }"},
		"stand-in, impatient": {standIn, lockstep, "-o smtpd_proxy_timeout=" + impatience.String()},
		"impatient":           {slowDoor, lockstep, "-o smtpd_proxy_timeout=" + impatience.String()},
		"untold":              {plainDoor, lockstep},
		"nobody":              {"127.0.0.1:1", lockstep},
		"socket":              {"unix:" + socket, lockstep},
	}
}

func contractSite(t *testing.T) *terms {
	t.Helper()
	x := &terms{front: make(map[string]string)}
	free, err := rig.FreeAddresses(24)
	if err != nil {
		t.Fatal(err)
	}
	x.standIn = free[0]
	slowDoor, plainDoor, plainHop := free[1], free[2], free[3]
	if x.tap, err = rig.NewWiretap(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.tap.Close() })
	socket := filepath.Join(socketDir(t), "filter")
	master := plainHop + " inet n - n - - smtpd\n    -o syslog_name=postfix/untold\n    -o smtpd_relay_restrictions=permit_mynetworks,reject\n"
	next := 4
	for name, options := range listeners(x.tap.Address, x.standIn, slowDoor, plainDoor, socket) {
		x.front[name], next = free[next], next+1
		master += fmt.Sprintf("%s inet n - n - - smtpd\n    -o smtpd_proxy_filter=%s\n    %s\n    -o notify_classes=\n",
			x.front[name], options[0], strings.Join(options[1:], "\n    "))
	}
	x.site = own(t, rig.Options{
		Postfix: rig.PostfixOptions{Impersonate: true, Edit: func(example string) string { return example + master }},
		Filter: rig.FilterOptions{
			Set: []string{"spamd.servers=none"},
			Sections: fmt.Sprintf("[listeners.slow]\nlisten = [%q]\nnext_hop = %q\n", slowDoor, x.standIn) +
				fmt.Sprintf("[listeners.untold]\nlisten = [%q]\nnext_hop = %q\n", plainDoor, plainHop) +
				fmt.Sprintf("[listeners.socket]\nlisten = [%q]\n", "unix:"+socket+",mode=0666"),
		},
	})
	x.tap.Connect(x.site.Filter.Address)
	return x
}

// socketDir is a directory that Postfix's user can reach, with a short name.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "proxyfilter-socket-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// pretend puts a stand-in in its place until the test ends.
func (x *terms) pretend(t *testing.T, at map[relaytest.Stage]relaytest.Fault) *relaytest.Hop {
	t.Helper()
	return x.stand(t, &relaytest.Hop{At: at})
}

func (x *terms) stand(t *testing.T, hop *relaytest.Hop) *relaytest.Hop {
	t.Helper()
	l, err := net.Listen("tcp", x.standIn)
	if err != nil {
		t.Fatal(err)
	}
	go hop.Serve(l)
	t.Cleanup(func() { l.Close(); hop.Close() })
	return hop
}

// dial greets one of the listeners, as a stranger.
func (x *terms) dial(t *testing.T, front string) *rig.Client {
	t.Helper()
	if x.front[front] == "" {
		t.Fatalf("no listener %q", front)
	}
	c, err := rig.Dial(within(t), x.front[front], rig.Stranger)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	say(t, c, "EHLO client.example.org")
	return c
}

// carried is what went over the wire since the last call.
func (x *terms) carried(t *testing.T) []rig.Conversation {
	t.Helper()
	all, err := x.tap.Conversations(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// verbs are the commands of a conversation without what follows them.
func verbs(c rig.Conversation) string {
	var all []string
	for _, line := range c.Commands {
		verb, _, _ := strings.Cut(line, " ")
		all = append(all, verb)
	}
	return strings.Join(all, " ")
}

// until waits for a line in Postfix's log from the mark on.
func (x *terms) until(t *testing.T, mark int, expression string) string {
	t.Helper()
	match, err := x.site.Postfix.Log.Wait(within(t), mark, expression)
	if err != nil {
		t.Fatal(err)
	}
	return match[0]
}

//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"proxyfilter/integration/rig"
)

// badRule hits everything, as the rule about the year 2010 did.
const badRule = "header BAD_UPDATE exists:From\nscore BAD_UPDATE 50\n"

// partners are hosts whose mail is always accepted.
func partners() (all []string) {
	for n := range 5 {
		all = append(all, fmt.Sprintf("127.0.0.%d", 11+n))
	}
	return all
}

// guarded is a site with a guard for which a minute and a half is a day. An alarm ends
// by itself after that, so it must be enough for spamd to read its rules again.
type guarded struct {
	*rig.Site
	front, rules, good string // good is the local.cf
}

func newGuarded(t *testing.T) *guarded {
	s := alone(t, rig.Options{Filter: rig.FilterOptions{Set: []string{
		"guard.mode=enforce", "guard.window=6s", "guard.baseline=90s", "guard.least=3",
		"lists.accept_clients=" + strings.Join(partners(), ","), "lists.refuse_senders=worm@example.org",
	}}})
	g := &guarded{Site: s, front: s.Postfix.Front, rules: filepath.Join(s.Dir, "spamd", "etc", "local.cf")}
	text, err := os.ReadFile(g.rules)
	if err != nil {
		t.Fatal(err)
	}
	g.good = string(text)
	return g
}

// told is the answer to a stranger's message.
func (g *guarded) told(t *testing.T, body, want string) {
	t.Helper()
	if reply := (visit{content: message(uniqueID(t), body+"\r\n")}).deliver(t, g.front); !strings.HasPrefix(reply.String(), want) {
		t.Errorf("told %s, want %s", reply, want)
	}
}

// until has the partners send mail until the filter logs something.
func (g *guarded) until(t *testing.T, mark int, log string) {
	t.Helper()
	for patience := within(t); ; {
		g.partnersSend(t)
		pace, cancel := context.WithTimeout(patience, time.Second)
		_, err := g.Filter.Log.Wait(pace, mark, log)
		cancel()
		if err == nil {
			return
		}
		if patience.Err() != nil {
			t.Fatal(err)
		}
	}
}

// partnersSend has each of them send a message, all at once: for an alarm, mail of three
// of them must have been scanned in one guard.window.
func (g *guarded) partnersSend(t *testing.T) {
	t.Helper()
	ctx, id := within(t), uniqueID(t)
	wrong := make([]error, len(partners()))
	var all sync.WaitGroup
	for i, from := range partners() {
		all.Go(func() {
			content := message("<"+from+"."+strings.TrimPrefix(id, "<"), "hello\r\n")
			if reply, err := deliverFrom(ctx, from, g.front, content); err != nil || reply.Code != 250 {
				wrong[i] = fmt.Errorf("partner %s was told %s: %w", from, reply, err)
			}
		})
	}
	all.Wait()
	if err := errors.Join(wrong...); err != nil {
		t.Fatal(err)
	}
}

// update is what sa-update does: other rules, and SIGHUP for spamd.
func (g *guarded) update(t *testing.T, rules string) {
	t.Helper()
	mark := g.Spamd.Log.Mark()
	if err := os.WriteFile(g.rules, []byte(rules), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := g.Spamd.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Spamd.Log.Wait(within(t), mark, "server successfully spawned child"); err != nil {
		t.Fatal(err)
	}
}

func TestABadRuleUpdatePutsOffWhatItRefusesUntilItIsMended(t *testing.T) {
	g := newGuarded(t)
	g.until(t, 0, "the guard has learned what is usual, and watches")
	g.told(t, gtube, "550 5.7.1")
	g.told(t, "hello", "250 2.0.0")

	mark := g.Filter.Log.Mark()
	g.update(t, g.good+badRule)
	g.told(t, "hello", "550 5.7.1")
	g.until(t, mark, "GUARD: senders known to be good are refused, so no mail is refused until that ends.*refused=[345], of=[345]")
	g.told(t, "hello", "451 4.7.0")
	g.told(t, gtube, "451 4.7.0")
	worm := visit{mail: "MAIL FROM:<worm@example.org>", content: message(uniqueID(t), "hello\r\n")}
	if reply := worm.deliver(t, g.front); !strings.HasPrefix(reply.String(), "451 4.7.0") {
		t.Errorf("who is on the list was told %s", reply)
	}

	mark = g.Filter.Log.Mark()
	g.update(t, g.good)
	g.until(t, mark, "good mail is refused as usual, and refusals are in force again")
	g.told(t, gtube, "550 5.7.1")
	g.told(t, "hello", "250 2.0.0")
}

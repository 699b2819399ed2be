//go:build integration

package integration

import (
	"path/filepath"
	"strings"
	"testing"

	"proxyfilter/integration/rig"
)

// spamFrom sends what every SpamAssassin refuses, and returns the answer.
func spamFrom(t *testing.T, s *rig.Site, client, sender string) (id string, reply rig.Reply) {
	t.Helper()
	id = uniqueID(t)
	return id, visit{
		xclient: "NAME=client.example.org ADDR=" + client + " PORT=4711", mail: "MAIL FROM:<" + sender + ">",
		content: message(id, gtube+"\r\n"),
	}.deliver(t, s.Postfix.Front)
}

// refusedFrom is the reference that the client was told.
func refusedFrom(t *testing.T, s *rig.Site, client, sender string) string {
	t.Helper()
	_, reply := spamFrom(t, s, client, sender)
	match := refusal.FindStringSubmatch(reply.String())
	if match == nil {
		t.Fatalf("<%s> from %s was not refused: %s", sender, client, reply)
	}
	return match[1]
}

func TestWhatWasRefusedIsDeliveredOnceItIsAllowed(t *testing.T) {
	s := own(t, rig.Options{Postfix: rig.PostfixOptions{Impersonate: true}})
	// The rig names its store on the command line of the daemon, and Run does not.
	allow := func(args ...string) string {
		t.Helper()
		out, err := s.Run(within(t), append([]string{"allow", "-o", "store.path=" + filepath.Join(s.Dir, "filter", "state.db")}, args...)...)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return out
	}
	const client, sender = "203.0.113.66", "carol@example.org"
	ref := refusedFrom(t, s, client, sender)
	explained(t, s, ref)
	made := allow("--ref", ref)
	holds(t, made, "mail from <carol@example.org> that comes from 203.0.113.0/24 is accepted, until ", "Made for "+ref+", refused, from <carol@example.org> to <alice@example.net>.")

	id, reply := spamFrom(t, s, "203.0.113.67", sender)
	mails, err := s.Postfix.Delivered(within(t), queueID(t, reply.String()))
	if err != nil || len(mails) != 1 {
		t.Fatalf("%d copies, %v", len(mails), err)
	}
	holds(t, explained(t, s, id), ": handed on, ", "It was allowed by an exception made on ", " for "+ref+", until ", "GTUBE")

	refusedFrom(t, s, "198.51.100.66", sender)
	refusedFrom(t, s, client, "mallory@example.org")
	holds(t, allow("--list"), made[:12], "for "+ref)
	restarted(t, s)
	if _, reply := spamFrom(t, s, client, sender); reply.Code != 250 {
		t.Error("after a restart:", reply)
	}
	holds(t, allow("--revoke", made[:12]), " is revoked: ")
	refusedFrom(t, s, client, sender)
}

// With redis the command needs no process, and every host hears of it.
func TestWhatIsAllowedAtOneHostIsAllowedAtTheOther(t *testing.T) {
	r := startRedis(t)
	site := func() *rig.Site {
		return own(t, rig.Options{Postfix: rig.PostfixOptions{Impersonate: true}, Filter: rig.FilterOptions{Set: shares(r)}})
	}
	one, two := site(), site()
	const client, sender = "203.0.113.66", "carol@example.org"
	ref := refusedFrom(t, one, client, sender)
	explained(t, one, ref)
	allow := func(args ...string) string {
		t.Helper()
		args = append([]string{"allow"}, args...)
		for _, set := range shares(r) {
			args = append(args, "-o", set)
		}
		out, err := one.Run(within(t), args...)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return out
	}
	mark := two.Filter.Log.Mark()
	id := allow("--ref", ref, "--client")[:12]
	if _, err := two.Filter.Log.Wait(within(t), mark, `exceptions have changed`); err != nil {
		t.Fatal(err)
	}
	if _, reply := spamFrom(t, two, client, "whoever@example.org"); reply.Code != 250 {
		t.Error(reply)
	}
	// What was known last holds while redis is away.
	r.Kill()
	if _, reply := spamFrom(t, two, client, sender); reply.Code != 250 {
		t.Error("without redis:", reply)
	}
	refusedFrom(t, two, "198.51.100.66", sender)
	if err := r.Start(within(t)); err != nil {
		t.Fatal(err)
	}
	worksAgain(t, two, mark)
	mark = two.Filter.Log.Mark()
	if out := allow("--revoke", strings.ToLower(id)); !strings.Contains(out, "is revoked") {
		t.Error(out)
	}
	if _, err := two.Filter.Log.Wait(within(t), mark, `exceptions have changed`); err != nil {
		t.Fatal(err)
	}
	refusedFrom(t, two, client, sender)
}

//go:build integration

package integration

import (
	"bytes"
	"context"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"proxyfilter/integration/rig"
)

// outcome is what all attempts together have come to.
type outcome struct {
	site     *rig.Site
	ways     []way
	attempts map[string]*attempt         // by name
	sent     map[string]rig.Conversation // what the first Postfix gave to the filter, by sender
	arrived  map[string]arrival          // what the second Postfix queued, by sender
	told     map[string]map[string]int   // how many of its commands each second Postfix is to get, by verb
}

// arrival is one message that the second Postfix queued.
type arrival struct {
	behind  string // which second Postfix
	relayed bool   // to somebody elsewhere
	mails   []rig.Mail
}

func TestNothingButWhatTheFirstPostfixSentReachesTheSecond(t *testing.T) {
	o := smuggle(t)
	t.Run("each message arrives once, with the envelope and content that the filter was given", o.checkArrivals)
	t.Run("nothing else arrives", o.checkStrays)
	t.Run("a first Postfix that normalizes sends one message, and one that does not sends two", o.checkFirst)
	t.Run("the second Postfix has heard no further commands", o.checkCommands)
	t.Run("without a filter strangers could send mail to anybody", o.checkHazard)
}

// smuggle lets all strangers try, and waits for all that comes of it.
func smuggle(t *testing.T) *outcome {
	t.Helper()
	o := &outcome{attempts: make(map[string]*attempt), told: make(map[string]map[string]int)}
	o.site, o.ways = smugglersLab(t)
	list := attempts(o.ways)
	for _, a := range list {
		o.attempts[a.name] = a
	}
	sendAll(t, list)
	o.hearFirst(t)
	o.hearSecond(t)
	if len(list) < 500 || len(o.sent) < len(list) || len(o.arrived) < len(list) {
		t.Fatalf("of %d attempts %d messages were sent and %d arrived", len(list), len(o.sent), len(o.arrived))
	}
	return o
}

// of finds the attempt that a sender belongs to.
func (o *outcome) of(sender string) *attempt {
	name, _, _ := strings.Cut(strings.TrimSuffix(sender, "@example.org"), ".")
	return o.attempts[name]
}

func (o *outcome) checkArrivals(t *testing.T) {
	for sender, message := range o.sent {
		a, came := o.arrived[sender]
		if !came || a.behind != o.of(sender).way.behind {
			t.Errorf("%s: not at the second Postfix", o.of(sender))
			continue
		}
		var got, want []string
		for _, m := range a.mails {
			got = append(got, m.Recipient)
			if o.of(sender).way.careful {
				checkContent(t, o.of(sender), m, message.Clean())
			}
		}
		for _, argument := range message.Arguments("RCPT") {
			want = append(want, path(argument))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: arrived for %v, want %v", o.of(sender), got, want)
		}
	}
}

func checkContent(t *testing.T, a *attempt, m rig.Mail, content []byte) {
	t.Helper()
	added, err := m.Added(content)
	if err != nil {
		t.Errorf("%s: %v", a, err)
	}
	want := []string{"Return-Path", "X-Original-To", "Delivered-To", "Received", "X-Spam-Status"}
	if !slices.Equal(added, want) {
		t.Errorf("%s: fields on top are %v, want %v", a, added, want)
	}
}

func (o *outcome) checkStrays(t *testing.T) {
	for sender := range o.arrived {
		a := o.of(sender)
		if a == nil {
			t.Errorf("mail from <%s>", sender)
			continue
		}
		if _, wanted := o.sent[sender]; !wanted && (a.way.careful || a.way.behind == "postfix/reinject") {
			t.Errorf("%s: smuggled", a)
		}
	}
}

func (o *outcome) checkFirst(t *testing.T) {
	two := 0
	for sender := range o.sent {
		a := o.of(sender)
		switch {
		case !strings.Contains(sender, ".evil"):
		case a.way.newline == "no":
			two++
		case !a.ends:
			t.Errorf("%s: the first Postfix made two messages of it", a)
		}
	}
	if two == 0 {
		t.Error("no sequence ends a message for a first Postfix that does not normalize: this test is blind")
	}
}

// counted are the commands in Postfix's own count of a connection: how many it
// took, and behind a slash how many it was given.
var counted = regexp.MustCompile(`\b(mail|rcpt|data|bdat)=(?:\d+/)?(\d+)`)

// checkCommands closes the program's connections to the second Postfix, which
// tells how many commands it has had when one ends. So a smuggled command shows
// that came to nothing.
func (o *outcome) checkCommands(t *testing.T) {
	if err := o.site.Filter.Stop(); err != nil {
		t.Fatal(err)
	}
	for behind, want := range o.told {
		if behind == "postfix/exposed" {
			continue
		}
		got := make(map[string]int)
		for _, line := range disconnects(t, within(t), o.site, behind) {
			for _, match := range counted.FindAllStringSubmatch(line, -1) {
				n, err := strconv.Atoi(match[2])
				if err != nil {
					t.Fatal(err)
				}
				got[match[1]] += n
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s has had %v, want %v", behind, got, want)
		}
	}
}

// disconnects are the last words about each connection of one listener.
func disconnects(t *testing.T, ctx context.Context, s *rig.Site, behind string) []string {
	t.Helper()
	log := s.Postfix.Log
	for {
		mark := log.Mark()
		all := log.All(0, behind+`/smtpd\[\d+\]: disconnect from`)
		if len(all) == len(log.All(0, behind+`/smtpd\[\d+\]: connect from`)) {
			return all
		}
		if _, err := log.Wait(ctx, mark, `disconnect from`); err != nil {
			t.Fatal(err)
		}
	}
}

// checkHazard shows that there is something to prevent, and that the other tests
// would see it.
func (o *outcome) checkHazard(t *testing.T) {
	passed, through := false, make(map[string]bool)
	for _, a := range o.attempts {
		if a.way.behind != "postfix/exposed" {
			continue
		}
		passed = passed || bytes.Contains(o.sent[a.name+"@example.org"].Content, []byte("\r\n.\r\r\n"))
		evil, came := o.arrived[a.name+".evil@example.org"]
		if _, wanted := o.sent[a.name+".evil@example.org"]; came && !wanted && evil.relayed {
			through[a.trick.Name+" before "+a.tail] = true
		}
	}
	t.Logf("got through: %v", through)
	if !passed {
		rig.Cannot(t, "this Postfix does not hand on CRLF dot CR CRLF to its filter, so nothing shows the hazard")
	}
	for _, want := range []string{"CRLF dot CR CRLF before ", "LF dot CR CRLF before "} {
		for _, tail := range []string{"DATA", "BDAT"} {
			if !through[want+tail] {
				t.Errorf("%s%s did not get through: the hazard is gone, or the tests are blind", want, tail)
			}
		}
	}
}

//go:build integration

package integration

import (
	"strings"
	"testing"

	"proxyfilter/relay/relaytest"
)

// What Postfix asks of a before-queue filter, tried on Postfix itself. CONTRACT.md
// has the rules, and which test holds each.

func TestContract(t *testing.T) {
	x := contractSite(t)
	t.Run("what the client hears of a filter's replies", x.testReplies)
	t.Run("what a filter hears", x.testWire)
	t.Run("what a filter gets for content", x.testContent)
	t.Run("what a filter is told about the client", x.testForward)
	t.Run("what else there is to know", x.testRest)
}

// heard are the replies to RCPT, RCPT, DATA, and to the end of the content if DATA
// was taken; Postfix may hang up before.
func (x *terms) heard(t *testing.T, front string) (replies []string) {
	t.Helper()
	c := x.dial(t, front)
	say(t, c, "MAIL FROM:<carol@example.org>")
	for _, command := range []string{"RCPT TO:<alice@example.net>", "RCPT TO:<bob@example.net>", "DATA", string(message(uniqueID(t), "hello\r\n")) + "."} {
		reply, err := c.Say(command)
		if err != nil {
			return append(replies, "closed")
		}
		replies = append(replies, strings.ReplaceAll(reply.String(), "\n", " | "))
		if command == "DATA" && reply.Code != 354 {
			break
		}
	}
	return replies
}

func begin(t *testing.T, got []string, want ...string) {
	t.Helper()
	ok := len(got) == len(want)
	for i := range min(len(got), len(want)) {
		ok = ok && strings.HasPrefix(got[i], want[i])
	}
	if !ok {
		t.Errorf("heard %q, want %q", got, want)
	}
}

func (x *terms) testReplies(t *testing.T) {
	const broken, none = "451 4.3.0 Error: queue file write error", "554 5.5.1 Error: no valid recipients"
	for _, c := range []struct {
		name     string
		at       relaytest.Stage
		fault    relaytest.Fault
		lockstep []string
		adjusted string // to the end of data; before it all is well
	}{
		{"a greeting that refuses", relaytest.Greeting, relaytest.Fault{Reply: "554 5.3.2 no"}, []string{broken, broken, none}, broken},
		{"EHLO refused", relaytest.EHLO, relaytest.Fault{Reply: "502 5.5.1 no"}, []string{broken, broken, none}, broken},
		{"XFORWARD refused", relaytest.XFORWARD, relaytest.Fault{Reply: "550 5.7.0 no"}, []string{broken, broken, none}, broken},
		{"MAIL refused", relaytest.MAIL, relaytest.Fault{Reply: "550 5.1.0 not you"}, []string{"550 5.1.0 not you", "550 5.1.0 not you", none}, "550 5.1.0 not you"},
		{"MAIL answered with 354", relaytest.MAIL, relaytest.Fault{Reply: "354 what"}, []string{broken, broken, none}, broken},
		{"one recipient refused", relaytest.At(relaytest.RCPT, 2), relaytest.Fault{Reply: "550 5.1.1 unknown"}, []string{"250", "550 5.1.1 unknown", "354", "250"}, "550 5.1.1 unknown"},
		{"421 to a recipient", relaytest.At(relaytest.RCPT, 2), relaytest.Fault{Reply: "421 4.3.2 later"}, []string{"250", "421 4.3.2 later", "closed"}, "421 4.3.2 later"},
		{"DATA refused", relaytest.DATA, relaytest.Fault{Reply: "451 4.7.1 later"}, []string{"250", "250", "451 4.7.1 later"}, "451 4.7.1 later"},
		{"DATA answered with 250", relaytest.DATA, relaytest.Fault{Reply: "250 2.0.0 Ok"}, []string{"250", "250", broken}, broken},
		{"a reply to the end before the end", relaytest.Content, relaytest.Fault{Reply: "250 2.0.0 early", After: 100}, []string{"250", "250", "354", "250 2.0.0 early"}, "250 2.0.0 early"},
		{"content refused", relaytest.Dot, relaytest.Fault{Reply: "550 5.7.1 spam"}, []string{"250", "250", "354", "550 5.7.1 spam"}, "550 5.7.1 spam"},
		{"content refused in two lines", relaytest.Dot, relaytest.Fault{Reply: "550-5.7.1 spam\r\n550 5.7.1 really"}, []string{"250", "250", "354", "550 5.7.1 spam | 5.7.1 really"}, "550 5.7.1 spam | 5.7.1 really"},
		{"control characters in a reply", relaytest.Dot, relaytest.Fault{Reply: "550 5.7.1 a\tb\x01c"}, []string{"250", "250", "354", "550 5.7.1 a?b?c"}, "550 5.7.1 a?b?c"},
		{"a refusal without enhanced code", relaytest.Dot, relaytest.Fault{Reply: "550 spam"}, []string{"250", "250", "354", "550 spam"}, "550 spam"},
		{"a reply of no class", relaytest.Dot, relaytest.Fault{Reply: "650 what"}, []string{"250", "250", "354", "650 what"}, "650 what"},
		{"no reply", relaytest.Dot, relaytest.Fault{Drop: true}, []string{"250", "250", "354", broken}, broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			x.pretend(t, map[relaytest.Stage]relaytest.Fault{c.at: c.fault})
			begin(t, x.heard(t, "stand-in, lockstep"), c.lockstep...)
			begin(t, x.heard(t, "stand-in, adjusted"), "250", "250", "354", c.adjusted)
		})
	}
}

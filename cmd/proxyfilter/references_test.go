package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"proxyfilter/filter/clamd/clamdtest"
	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/relay/relaytest"
)

// speak is what Postfix says for one client, and gives the replies to the lines.
func (s *site) speak(t *testing.T, lines ...string) (replies []string) {
	t.Helper()
	xforward := "XFORWARD NAME=mail.example.org ADDR=192.0.2.7 HELO=x SOURCE=REMOTE"
	return s.say(t, append([]string{xforward}, lines...)...)[1:]
}

// letter is one transaction with that content.
func letter(content string) []string {
	return []string{"MAIL FROM:<carol@example.org>", "RCPT TO:<bob@example.net>", "DATA", "Message-ID: <1@example.org>\r\n" + content + "\r\n."}
}

// occasion makes the server say something that has a reference in it.
type occasion struct {
	name    string
	options []string
	spamd   *spamdtest.Server // nil: it scores what the body says
	hop     map[relaytest.Stage]relaytest.Fault
	lines   []string // the last of them is answered so
	reply   string   // its beginning
	story   string   // words of the story
	before  func(*testing.T, *site)
}

const (
	away    = "451 4.4.1 Cannot reach the next mail server now, try again (ref "
	spam    = "\r\nscore=31.0"
	aRefURL = "see https://example.org/mail?{id} or call"
)

func occasions(t *testing.T) []occasion {
	virus, customers := startClamd(t), filepath.Join(t.TempDir(), "nobody")
	panicked := write(t, "")
	atMail := []string{"relay.connect=at-mail"}
	// A busy machine needs some of it: who is stopped for longer is told something else.
	brief := []string{"budget.wait=300ms", "budget.verdict=6s", "budget.commit=8s", "budget.reply=9s"}
	split := append(letter("\r\nx")[:2], "RCPT TO:<eve@strict.example>")
	return []occasion{
		{name: "the score", lines: letter(spam), reply: "550 5.7.1 Message refused: it looks like spam (ref ", story: "Its score of 31.0 is not below 10.0"},
		{
			name: "a text of one's own", options: []string{"policy.reject_text=Nein {contact}", "policy.contact=" + aRefURL},
			lines: letter(spam), reply: "550 5.7.1 Nein see https://example.org/mail?", story: "Its score of 31.0",
		},
		{
			name: "a text without a reference", options: []string{"policy.reject_text=Nein"},
			lines: letter(spam), reply: "550 5.7.1 Nein (ref ", story: "Its score of 31.0",
		},
		{name: "a list", options: []string{"lists.refuse_clients=192.0.2.7"}, lines: letter("\r\nx"), reply: "550 5.7.1 Message refused: this sender or client is not welcome", story: "refuse_clients 192.0.2.7"},
		{name: "a virus", options: []string{"clamd.server=" + virus}, lines: letter("\r\n" + clamdtest.Worm), reply: "550 5.7.1 Message refused: it contains " + clamdtest.WormName, story: "found a virus"},
		{name: "an emergency", options: []string{"policy.panic_file=" + panicked}, lines: letter(spam), reply: "451 4.7.0 ", story: "refusals were suspended"},
		{name: "no scanner", options: append(brief, "spamd.servers=127.0.0.1:1"), lines: letter("\r\nx"), reply: "451 4.7.1 ", story: "No scanner could answer"},
		{
			name: "no scanner in time", options: append(brief, "spamd.slots=1"), spamd: &spamdtest.Server{Reply: spamdtest.Reply{Hang: spamdtest.AtReply}},
			lines: letter("\r\nx"), reply: "451 4.3.2 Too busy", story: "No scanner was free in time", before: func(t *testing.T, s *site) { s.speak(t, letter("\r\nanother")...) },
		},
		{
			name: "nobody knows the policy", options: []string{"policy.policy_map=socketmap:unix:" + customers + ":policy", "policy.on_map_failure=defer"},
			lines: letter("\r\nx"), reply: "451 4.7.1 ", story: "policy.policy_map could not be asked",
		},
		{name: "the next hop is away", hop: at(relaytest.Greeting, relaytest.Fault{Drop: true}), lines: letter("\r\nx"), reply: away, story: "The second mail server was away"},
		{name: "no time is left", options: brief, hop: at(relaytest.MAIL, relaytest.Fault{Hang: true}), lines: letter("\r\nx"), reply: away, story: "There was no time left"},
		{name: "the next hop is away at MAIL", options: atMail, hop: at(relaytest.Greeting, relaytest.Fault{Drop: true}), lines: letter("")[:1], reply: away, story: "The second mail server was away"},
		{name: "the next hop breaks off at RCPT", options: atMail, hop: at(relaytest.RCPT, relaytest.Fault{Drop: true}), lines: letter("")[:2], reply: away, story: "one recipient was put off"},
		{name: "the next hop breaks off at the end", hop: at(relaytest.Dot, relaytest.Fault{Drop: true}), lines: letter("\r\nx"), reply: away, story: "The second mail server was away, broke off"},
		{
			name: "it is still on its way", options: brief, hop: at(relaytest.Dot, relaytest.Fault{Hang: true}), lines: letter("Date: now\r\n\r\nx"),
			reply: "451 4.4.1 The same message is still being delivered", story: "what became of that is not known yet",
			before: func(t *testing.T, s *site) { s.speak(t, letter("Date: now\r\n\r\nx")...) },
		},
		{
			name: "a recipient of another policy", options: []string{"policy.mixed=split", "policy.speed_adjust=off"},
			lines: split, reply: "452 4.5.3 Error: this recipient needs", story: "to <eve@strict.example>",
		},
		{name: "too many recipients", lines: tooMany(), reply: "452 4.5.3 Error: too many recipients", story: "more recipients than one transaction may have"},
		{name: "too big", options: []string{"server.max_message=1KB"}, lines: letter("\r\n" + strings.Repeat("x", 2000)), reply: "552 5.3.4 ", story: "larger than"},
		{name: "a loop", lines: letter(strings.Repeat("Received: from a by b; now\r\n", 60) + "\r\nx"), reply: "554 5.4.6 ", story: "going in a circle"},
		{name: "line ends", options: []string{"server.hygiene=reject"}, lines: letter("\r\na\nb"), reply: "550 5.6.11 ", story: "line ends"},
		{name: "a header of forgeries", lines: letter(strings.Repeat("X-Spam-Flag: NO\r\nX: y\r\n", 1100) + "\r\nx"), reply: "550 5.6.0 ", story: "more than a thousand header fields that only this program may add"},
		{name: "bytes out of turn", lines: letter("\r\nx\r\n.\r\nMAIL FROM:<x@y>\r\n"), reply: "451 4.5.0 ", story: "More came behind the end of the message"},
		{
			name: "the disk", options: []string{"budget.spill_at=0"}, lines: letter("\r\nx"), reply: "451 4.3.0 ", story: "This program could not handle it",
			before: func(t *testing.T, s *site) { s.withoutDisk(t) },
		},
	}
}

func at(stage relaytest.Stage, f relaytest.Fault) map[relaytest.Stage]relaytest.Fault {
	return map[relaytest.Stage]relaytest.Fault{stage: f}
}

func tooMany() []string {
	lines := letter("")[:1]
	for n := range 10_001 {
		lines = append(lines, fmt.Sprintf("RCPT TO:<%d@example.net>", n))
	}
	return lines
}

// withoutDisk takes the directory of the spool away.
func (s *site) withoutDisk(t *testing.T) {
	t.Helper()
	if err := os.Remove(s.server.Spool.Dir); err != nil {
		t.Fatal(err)
	}
}

// reference finds what names a message in a reply.
var reference = regexp.MustCompile(`(?:ref |\?)([0-9A-HJKMNP-TV-Z]{12})`)

func TestEveryReferenceThatAClientHearsIsExplained(t *testing.T) {
	for _, o := range occasions(t) {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(shortDir(t))
			if o.spamd == nil {
				o.spamd = scoring()
			}
			s.configure(t, o.spamd, &relaytest.Hop{At: o.hop}, "[policies.strict]\nrecipients = [\"strict.example\"]\nreject_at = 8.0\n")
			s.start(t, program{named: true, options: o.options})
			if o.before != nil {
				o.before(t, s)
			}
			replies := s.speak(t, o.lines...)
			last := replies[len(replies)-1]
			match := reference.FindStringSubmatch(last)
			if match == nil || !strings.HasPrefix(last, o.reply) {
				t.Fatalf("told %q, want a reference behind %q", last, o.reply)
			}
			s.hop.Close() // a hop that hangs would be waited for
			s.stop(t)     // the journal is written to its end
			code, story, errs := called("", "explain", match[1], "-o", "journal.dir="+s.config.Journal.Dir)
			for _, want := range []string{match[1] + ": ", "answer " + last + " ", o.story, "client mail.example.org[192.0.2.7]", "from <carol@example.org>"} {
				if code != 0 || !strings.Contains(strings.Join(strings.Fields(story), " "), want) {
					t.Errorf("exit code %d, %q is missing in\n%s%s", code, want, story, errs)
				}
			}
		})
	}
}

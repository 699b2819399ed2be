//go:build integration

package integration

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"proxyfilter/filter"
	"proxyfilter/integration/rig"
)

// spelt are ways to name alice that Postfix accepts from a stranger.
var spelt = []string{
	"<alice@example.net>", "alice@example.net", "alice@example.net\tNOTIFY=NEVER", "<<alice@example.net>>",
	"<abuse@<alice@example.net>>", "abuse@<alice@example.net>", "<spared@example.net@<alice@example.net>>",
	"<alice(>)@example.net>", "<(spared@example.net)alice@example.net>", "<alice(a(b)c)@example.net>",
	"<alice @ example . net>", "<@a.example,@b.example:alice@example.net>", "<abuse:alice@example.net;>",
	"<,alice@example.net,>", `<"alice"@example.net>`, `<al\ice@example.net>`, `<"abuse@x>" <alice@example.net>>`,
}

// TestNoSpellingIsAWayAroundAPolicy sends spam to alice under all her names. A
// policy for others, or for complaints, must not be hers.
func TestNoSpellingIsAWayAroundAPolicy(t *testing.T) {
	s := own(t, rig.Options{Filter: rig.FilterOptions{
		Sections: "\n[policies.spared]\nrecipients = [\"spared@example.net\"]\nreject_at = \"never\"\n",
	}})
	for _, path := range spelt {
		t.Run(path, func(t *testing.T) {
			if !samePeople(t, s, "<carol@example.org>", path) {
				t.Error("Postfix does not accept it")
			}
		})
	}
}

// TestEveryPathIsReadAsPostfixReadsIt puts paths together from what makes trouble,
// at random. Whatever Postfix accepts, the Record must name whom Postfix names.
func TestEveryPathIsReadAsPostfixReadsIt(t *testing.T) {
	s := own(t, rig.Options{})
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	accepted := 0
	for range 250 {
		if samePeople(t, s, jumble(random, "carol@example.org"), jumble(random, "alice@example.net")) {
			accepted++
		}
	}
	t.Logf("%d of 250 were accepted", accepted)
	if accepted < 20 {
		t.Error("too few to tell anything")
	}
}

// jumble is an address in the midst of other things. What stands around it is more
// often something that Postfix leaves out than something that it refuses.
func jumble(random *rand.Rand, address string) string {
	odd := []string{
		"<", ">", ":", ";", ",", "@", ".", "(x)", "(>)", "(<)", " ", `"q"`, `"<"`, `">"`, "dave", "dave@", "bob@example.net",
		"@r.example:", `\`, "[1]", "(", ")", "<>",
	}
	some := func() (b string) {
		for range random.IntN(3) {
			b += odd[random.IntN(len(odd))]
		}
		return b
	}
	inner := some() + address + some()
	switch random.IntN(4) {
	case 0:
		inner = some() + "<" + address + ">"
	case 1:
		inner = some() + "<" + inner + ">" + some()
	}
	if random.IntN(5) > 0 {
		return "<" + inner + ">"
	}
	return inner
}

var (
	refusedByP = regexp.MustCompile(`proxy-reject: END-OF-MESSAGE: 550 .*; from=<(.*)> to=<(.*)> proto=`)
	refusedByF = regexp.MustCompile(`helo=<[^>]*>, from=<(.*?)>, to=<(.*?)>, size=.*, action=reject, reason=score`)
)

// samePeople sends spam, and compares what Postfix and proxyfilter say of its
// refusal. It reports whether Postfix took the paths.
func samePeople(t *testing.T, s *rig.Site, mail, rcpt string) bool {
	t.Helper()
	c, err := rig.Dial(within(t), s.Postfix.Front, rig.Stranger)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, command := range []string{"EHLO client.example.org", "MAIL FROM:" + mail, "RCPT TO:" + rcpt} {
		reply, err := c.Say(command)
		if err != nil {
			t.Fatal(err)
		}
		if reply.Code != 250 {
			return false
		}
	}
	reply, err := c.Data(message(uniqueID(t), gtube+"\r\n"))
	if err != nil || reply.Code != 550 {
		t.Errorf("%s, %s: told %v, want 550: %v", mail, rcpt, reply, err)
		return true
	}
	id := regexp.MustCompile(`ref (\w+)`).FindStringSubmatch(reply.Text)[1]
	postfix := named(t, s.Postfix.Log, refusedByP, id)
	for i, ours := range named(t, s.Filter.Log, refusedByF, id) {
		if strings.Contains(ours, "?") {
			continue // our log leaves out what could be taken for a part of it
		}
		if got, want := filter.Mailbox(ours), filter.Mailbox(postfix[i]); got != want {
			t.Errorf("%s, %s: Postfix says %q, we say %q", mail, rcpt, want, got)
		}
	}
	return true
}

// named are the sender and the recipient in the line about a refusal.
func named(t *testing.T, log *rig.Log, form *regexp.Regexp, id string) []string {
	t.Helper()
	match, err := log.Wait(within(t), 0, `.*`+id+`.*`)
	if err != nil {
		t.Fatal(err)
	}
	found := form.FindStringSubmatch(match[0])
	if found == nil {
		t.Fatalf("cannot read %s", match[0])
	}
	return found[1:]
}

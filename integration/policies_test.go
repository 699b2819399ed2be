//go:build integration

package integration

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"proxyfilter/integration/rig"
)

// threePolicies are for recipients whose names begin alike: spam (of any score) is
// accepted, tagged or refused.
const threePolicies = `
[policies.takes]
recipients = ["accept0@example.net", "accept1@example.net", "accept2@example.net"]
tag_at = 5000.0
reject_at = 6000.0
[policies.marks]
recipients = ["tag0@example.net", "tag1@example.net", "tag2@example.net"]
reject_at = "never"
[policies.refuses]
recipients = ["reject0@example.net", "reject1@example.net", "reject2@example.net"]
reject_at = 10.0
`

// blindPolicies differ in what becomes of mail that nobody can scan.
const blindPolicies = `
[policies.takes]
recipients = ["accept0@example.net", "accept1@example.net", "accept2@example.net"]
on_scan_failure = "accept"
[policies.waits]
recipients = ["defer0@example.net", "defer1@example.net", "defer2@example.net"]
[policies.watches]
recipients = ["watch0@example.net", "watch1@example.net", "watch2@example.net"]
mode = "observe"
`

// combined is the class of the one answer.
func combined(mixed string, wanted []string) int {
	rejects := 0
	for _, w := range wanted {
		switch w {
		case "defer":
			return 4
		case "reject":
			rejects++
		}
	}
	if rejects == len(wanted) || mixed == "strict" && rejects > 0 {
		return 5
	}
	return 2
}

// TestNobodyIsTold250WithoutGettingTheMail sends a message to every three recipients
// under three policies, through real Postfix, and looks into the mailboxes.
func TestNobodyIsTold250WithoutGettingTheMail(t *testing.T) {
	for _, mixed := range []string{"lenient", "strict", "split"} {
		t.Run(mixed, func(t *testing.T) {
			set := []string{"policy.mixed=" + mixed, "policy.speed_adjust=off"}
			t.Run("spam", func(t *testing.T) {
				s := own(t, rig.Options{Filter: rig.FilterOptions{Set: set, Sections: threePolicies}})
				everyThree(t, s, mixed, "accept", "tag", "reject")
			})
			t.Run("without spamd", func(t *testing.T) {
				blind := append(set, "spamd.servers=127.0.0.1:1", "budget.wait=100ms", "budget.verdict=500ms")
				s := own(t, rig.Options{Filter: rig.FilterOptions{Set: blind, Sections: blindPolicies}})
				everyThree(t, s, mixed, "accept", "defer", "watch")
			})
		})
	}
}

// everyThree plays all 27 messages. With speed_adjust there are no answers for
// single recipients, so split is for Postfix without it.
func everyThree(t *testing.T, s *rig.Site, mixed string, wants ...string) {
	t.Helper()
	addresses := fronts(s)
	if mixed == "split" {
		delete(addresses, "with speed_adjust")
	}
	for name, address := range addresses {
		for i := range 27 {
			var to []string
			for at, n := 0, i; at < 3; at, n = at+1, n/3 {
				to = append(to, fmt.Sprintf("%s%d@example.net", wants[n%3], at))
			}
			for tries := 0; len(to) > 0 && tries < 3; tries++ {
				to = answered(t, s, address, mixed, to)
			}
			if len(to) > 0 {
				t.Errorf("%s: %v never have an answer", name, to)
			}
		}
	}
}

var digits = regexp.MustCompile(`\d@example\.net$`)

// answered is one transaction. It returns who was told to come again.
func answered(t *testing.T, s *rig.Site, address, mixed string, to []string) (later []string) {
	t.Helper()
	c, err := rig.Dial(within(t), address, rig.Stranger)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	say := func(command string) rig.Reply {
		reply, err := c.Say(command)
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		return reply
	}
	say("EHLO client.example.org")
	say("MAIL FROM:<carol@example.org>")
	var taken, wanted []string
	for _, r := range to {
		switch reply := say("RCPT TO:<" + r + ">"); {
		case reply.Code == 250:
			taken, wanted = append(taken, r), append(wanted, digits.ReplaceAllString(r, ""))
		case reply.Code == 452 && mixed == "split" && strings.HasPrefix(reply.Text, "4.5.3 "):
			later = append(later, r)
		default:
			t.Errorf("%v: %s was told %v", to, r, reply)
		}
	}
	id := uniqueID(t)
	reply, err := c.Data(message(id, gtube+"\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := combined(mixed, wanted); reply.Code/100 != want {
		t.Errorf("%v: %v were told %v, want %dxx", to, taken, reply, want)
	}
	if reply.Code != 250 {
		if n := queued(t, s, id); n != 0 {
			t.Errorf("%v: told %v, and %d copies are in the queue", taken, reply, n)
		}
		return later
	}
	mails, err := s.Postfix.Delivered(within(t), queueID(t, reply.Text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range mails {
		got = append(got, m.Recipient)
	}
	slices.Sort(got)
	if slices.Sort(taken); !slices.Equal(got, taken) {
		t.Errorf("%v were told 250, and %v have the mail", taken, got)
	}
	return later
}

func TestPostfixHangsUpOnTooManyRefusedRecipientsSoFewAreSplitOff(t *testing.T) {
	s := own(t, rig.Options{Filter: rig.FilterOptions{
		Set: []string{"policy.mixed=split", "policy.speed_adjust=off"}, Sections: "[policies.one]\nrecipients = [\"one@example.net\"]\n",
	}})
	c, err := rig.Dial(within(t), s.Postfix.Lockstep, rig.Stranger)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	to := []string{"one@example.net"}
	for i := range 30 {
		to = append(to, fmt.Sprintf("other%d@example.net", i))
	}
	later := 0
	for _, command := range append([]string{"EHLO client.example.org", "MAIL FROM:<carol@example.org>"}, to...) {
		if strings.HasSuffix(command, "@example.net") {
			command = "RCPT TO:<" + command + ">"
		}
		reply, err := c.Say(command)
		switch {
		case err == nil && reply.Code == 250:
		case err == nil && reply.Code == 452:
			later++
		default:
			t.Fatalf("%s: %v %v", command, reply, err)
		}
	}
	reply, err := c.Data(message(uniqueID(t), "Hello.\r\n"))
	if err != nil || reply.Code != 250 {
		t.Fatalf("%v %v", reply, err)
	}
	mails, err := s.Postfix.Delivered(within(t), queueID(t, reply.Text))
	if err != nil || later != 8 || len(mails) != len(to)-later {
		t.Errorf("%d were told to come again, %d of %d have the mail: %v", later, len(mails), len(to), err)
	}
}

// exceptions are what makes a verdict milder or stricter for some.
const exceptions = `
[policies.away]
recipients = ["away@example.net"]
forwarded = ["away@example.net"]
forwarded_reject_at = 7.0
reject_at = "never"
[policies.open]
recipients = ["open@example.net"]
tag_at = 5000.0
reject_at = "never"
[policies.trusting]
recipients = ["trusting@example.net"]
forwarders = ["127.0.0.2"]
`

func TestExceptionsHoldThroughPostfix(t *testing.T) {
	s := own(t, rig.Options{Filter: rig.FilterOptions{
		Sections: exceptions,
		Set:      []string{"policy.recipient_delimiter=+", "lists.accept_senders=friend@example.org", "lists.refuse_senders=pest.example"},
	}})
	for _, test := range []struct {
		name, from, to string
		code           int
		log            string
	}{
		{"nobody special", "carol@example.org", "alice@example.net", 550, `action=reject, reason=score, .*policy=default,`},
		{"whose mail goes on to another server", "carol@example.org", "away+x@example.net", 550, `action=reject, .*policy=away/forwarded,`},
		{"a quoted spelling is the same mailbox", "carol@example.org", `"open"@example.net`, 250, `action=accept, .*policy=open,`},
		{"so is one with a percent sign", "carol@example.org", "open%example.net", 250, `action=accept, .*policy=open,`},
		{"and one with an exclamation mark", "carol@example.org", "example.net!open", 250, `action=accept, .*policy=open,`},
		{"and a route through Postfix itself", "carol@example.org", "open%example.net@[127.0.0.1]", 250, `action=accept, .*policy=open,`},
		{"from a host that forwards", "carol@example.org", "trusting@example.net", 250, `action=tag, .*policy=trusting/forwarder,`},
		{"for complaints", "carol@example.org", "Abuse@example.net", 250, `action=tag, .*policy=default/postmaster,`},
		{"a sender who is spared", "friend@example.org", "alice@example.net", 250, `action=tag, .*lists="accept_senders friend@example.org"`},
		{"a sender who is refused", "x@pest.example", "alice@example.net", 550, `action=reject, reason=advice, .*lists="refuse_senders pest.example"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := rig.Dial(within(t), s.Postfix.Front, rig.Stranger)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for _, command := range []string{"EHLO client.example.org", "MAIL FROM:<" + test.from + ">", "RCPT TO:<" + test.to + ">"} {
				if reply, err := c.Say(command); err != nil || reply.Code != 250 {
					t.Fatalf("%s: %v %v", command, reply, err)
				}
			}
			id := uniqueID(t)
			reply, err := c.Data(message(id, gtube+"\r\n"))
			if err != nil || reply.Code != test.code {
				t.Fatalf("told %v, want %d: %v", reply, test.code, err)
			}
			line := `message_id=<` + regexp.QuoteMeta(strings.Trim(id, "<>")) + `>`
			if _, err := s.Filter.Log.Wait(within(t), 0, test.log+`.*`+line); err != nil {
				t.Error(err)
			}
			if reply.Code == 250 {
				if mails, err := s.Postfix.Delivered(within(t), queueID(t, reply.Text)); err != nil || len(mails) != 1 {
					t.Errorf("%d copies: %v", len(mails), err)
				}
			}
		})
	}
}

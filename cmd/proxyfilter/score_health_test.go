package main

import (
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"proxyfilter/filter/spamd/spamdtest"
)

// changing is a spamd whose rules can be changed, and whose score is in the body.
func changing() (*spamdtest.Server, *atomic.Pointer[[]spamdtest.Rule]) {
	rules, base := &atomic.Pointer[[]spamdtest.Rule]{}, scoring()
	return &spamdtest.Server{Choose: func(r spamdtest.Request) spamdtest.Reply {
		reply := base.Choose(r)
		if now := rules.Load(); now != nil {
			reply.Rules = append(reply.Rules, *now...)
		}
		return reply
	}}, rules
}

// strangers send mail, each from a network of its own.
func (s *site) strangers(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		if told := s.client(t, fmt.Sprintf("198.51.%d.7", i), "mail.example.org", "a@example.org", fmt.Sprint(i, " score=1.0")); !strings.HasPrefix(told, "250 ") {
			t.Fatal(told)
		}
	}
}

const refusesListed = "[lists]\nrefuse_senders = [\"listed@example.org\"]\n"

func TestRefusalsByScoreBecomeMarksWhileScoreHealthIsRed(t *testing.T) {
	spamd, rules := changing()
	s := openWith(t, spamd, refusesListed)
	spam := func(want string) {
		t.Helper()
		if told := s.client(t, "198.51.100.1", "x", "told"+want[:3]+"@example.org", want+" score=20.0"); !strings.HasPrefix(told, want) {
			t.Errorf("told %q, want %s", told, want)
		}
	}
	rules.Store(&[]spamdtest.Rule{{Name: "ALL_TRUSTED", Points: -1}})
	s.strangers(t, 19)
	spam("550 5.7.1 ")
	s.log.await(t, "error: SCORE HEALTH IS RED: mail is marked and not refused for its score, unless ignore_health says otherwise: "+
		"symptom=all-trusted, seen=\"20 of the last 20 messages from outside count as mail of your own hosts")
	spam("250 ")
	s.log.await(t, "action=tag, reason=score, score=20")
	if told := s.client(t, "198.51.100.1", "x", "listed@example.org", "on a list"); !strings.HasPrefix(told, "550 5.7.1 ") {
		t.Errorf("a list is not heard: %s", told)
	}
	s.log.await(t, `lists="refuse_senders listed@example.org"`)
	s.showsRed(t)

	rules.Store(&[]spamdtest.Rule{{Name: "SPF_PASS"}})
	s.strangers(t, 22)
	s.log.await(t, "warning: score health: this is over: symptom=all-trusted")
	spam("550 5.7.1 ")
	s.stop(t)
	s.tellsOfRed(t)
}

// showsRed looks where an administrator does.
func (s *site) showsRed(t *testing.T) {
	t.Helper()
	if metrics := scrape(t, s.metrics); !strings.Contains(metrics, "\nproxyfilter_score_health{symptom=\"all-trusted\"} 2\n") ||
		!strings.Contains(metrics, "\nproxyfilter_refusals_suspended{by=\"health\",instead=\"tag\"} 1\n") {
		t.Error(metrics)
	}
	if _, _, page := s.browse(t, false, "/", ""); !strings.Contains(page, "<strong>red</strong> since ") || !strings.Contains(page, "(ALL_TRUSTED)") {
		t.Error(page)
	}
	var summary strings.Builder
	if s.summary(&summary); !strings.Contains(summary.String(), "SCORE HEALTH is red since ") {
		t.Error(summary.String())
	}
}

// tellsOfRed looks at what the journal has.
func (s *site) tellsOfRed(t *testing.T) {
	t.Helper()
	journal := "journal.dir=" + s.config.Journal.Dir
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"report"}, []string{"Score health\n  red, ", "Marked, and not refused for their score, because it was red: 1\n"}},
		{[]string{"report", "--json"}, []string{`"symptom": "all-trusted"`, `"spared_by_score_health": 1`}},
		{[]string{"report", "--html", "-"}, []string{"<h2>Score health</h2>", "because it was red: 1."}},
		{[]string{"replay"}, []string{"as before  "}},
		{[]string{"replay", "-o", "policy.ignore_health=true"}, []string{"marked → refused  1"}},
		{[]string{"explain", "told250@example.org"}, []string{"It would have been refused, but scores could not be trusted at that moment (score health was red): 20 of", "\nScore health was red: 20 of the last 20"}},
	} {
		code, out, errs := called("", append([]string{"-o", journal}, test.args...)...)
		for _, want := range test.want {
			if code != exitFine || !strings.Contains(out, want) {
				t.Errorf("%q: exit %d, %q is missing:\n%s%s", test.args, code, want, out, errs)
			}
		}
		if test.args[0] == "replay" && len(test.args) == 1 && strings.Contains(out, "→") {
			t.Errorf("the same records give other verdicts:\n%s", out)
		}
	}
}

func TestAPolicyMayRefuseWhateverScoreHealthSays(t *testing.T) {
	spamd, rules := changing()
	s := openWith(t, spamd, "")
	rules.Store(&[]spamdtest.Rule{{Name: "URIBL_BLOCKED"}})
	s.strangers(t, 20)
	s.log.await(t, "SCORE HEALTH IS RED", "symptom=blocked")
	for i, want := range []string{"250 ", "550 5.7.1 "} {
		if told := s.client(t, "198.51.100.1", "x", "a@example.org", fmt.Sprint(i, " score=20.0")); !strings.HasPrefix(told, want) {
			t.Errorf("told %q, want %s", told, want)
		}
		if i == 0 {
			s.rewrite(t, "[log]", "[policy]\nignore_health = true\n[log]")
			s.signals <- syscall.SIGHUP
			s.log.await(t, "configuration reloaded: changed=policy.ignore_health")
		}
	}
}

func TestAFewMessagesAndOwnMailDoNotTurnScoreHealth(t *testing.T) {
	spamd, rules := changing()
	s := openWith(t, spamd, "")
	rules.Store(&[]spamdtest.Rule{{Name: "ALL_TRUSTED", Points: -1}, {Name: "URIBL_BLOCKED"}})
	s.strangers(t, 19)
	for i := range 40 { // Postfix has told nothing of the client, or that it is this host
		if err := s.send(fmt.Sprint("of our own ", i)); err != nil {
			t.Fatal(err)
		}
	}
	if signs := s.health.signs(); len(signs) > 0 {
		t.Errorf("%+v", signs)
	}
}

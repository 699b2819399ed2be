package main

import (
	"net/smtp"
	"strings"
	"testing"

	"proxyfilter/filter/spamd/spamdtest"
)

func TestListedSendersAreToldApart(t *testing.T) {
	s := openWith(t, &spamdtest.Server{Reply: spamdtest.Reply{Score: 20}}, `
[lists]
accept_senders = ["partner.example"]
refuse_senders = ["pest@partner.example", "*.spam.example"]
[policy]
contact = "; call us"
`)
	for _, test := range []struct{ from, told, log string }{
		{"a@example.org", "550 5.7.1 Message refused: it looks like spam (ref ", "action=reject, reason=score, score=20"},
		{"a@partner.example", "", `action=tag, reason=score, score=20, tests=, policy=default, spamd=`},
		{"pest@partner.example", "550 5.7.1 Message refused: this sender or client is not welcome here (ref ", `reason=advice, score=0, tests=, policy=default, lists="refuse_senders pest@partner.example"`},
		{"x@a.spam.example", "550 5.7.1 Message refused: this sender or client is not welcome here (ref ", `lists="refuse_senders *.spam.example"`},
	} {
		told := ""
		if err := smtp.SendMail(s.smtp, nil, test.from, []string{"b@example.org"}, []byte("Subject: x\r\n\r\nx\r\n")); err != nil {
			told = strings.ReplaceAll(err.Error(), `"`, "")
		}
		if !strings.HasPrefix(told, test.told) || (told == "") != (test.told == "") || told != "" && !strings.HasSuffix(told, "; call us") {
			t.Errorf("%s was told %q", test.from, told)
		}
		line := s.log.await(t, "from=<"+test.from+">", test.log)
		if test.from == "a@partner.example" && !strings.Contains(line, `lists="accept_senders partner.example"`) {
			t.Errorf("no word of the list in %s", line)
		}
	}
}

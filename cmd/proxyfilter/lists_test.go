package main

import (
	"net/smtp"
	"strings"
	"testing"

	"proxyfilter/filter/spamd/spamdtest"
)

func TestListedRecipientsAreToldApart(t *testing.T) {
	s := openWith(t, &spamdtest.Server{Reply: spamdtest.Reply{Score: 20}}, `
[lists]
accept_recipients = ["desk@example.net"]
refuse_recipients = ["void.example"]
[policy]
recipient_delimiter = "+"
`)
	for _, test := range []struct {
		from, told string
		to         []string
		log        string
	}{
		{"1@example.org", "", []string{"desk+1@example.net"}, `action=accept, reason=advice, score=20, tests=, policy=default/accepted, spamd=`},
		{"2@example.org", "550 5.7.1 Message refused: its recipient takes no mail (ref ", []string{"x@void.example"}, `policy=default/refused, lists="refuse_recipients void.example", reply=`},
		{
			"3@example.org", "",
			[]string{"x@void.example", "desk@example.net", "alice@example.net"},
			`action=tag, reason=advice, score=20, tests=, policy=default/refused, policies=default/refused:reject:10,default/accepted:accept:10,default:reject:10, `,
		},
	} {
		told := ""
		if err := smtp.SendMail(s.smtp, nil, test.from, test.to, []byte("Subject: x\r\n\r\nx\r\n")); err != nil {
			told = strings.ReplaceAll(err.Error(), `"`, "")
		}
		if !strings.HasPrefix(told, test.told) || (told == "") != (test.told == "") {
			t.Errorf("%s was told %q", test.from, told)
		}
		line := s.log.await(t, "from=<"+test.from+">", test.log)
		if len(test.to) == 3 && !strings.Contains(line, `, lists="refuse_recipients void.example; accept_recipients desk@example.net"`) {
			t.Errorf("no word of the lists in %s", line)
		}
	}
}

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
		{"pest@partner.example", "550 5.7.1 Message refused: this sender or client is not welcome here (ref ", `reason=advice, policy=default, lists="refuse_senders pest@partner.example"`},
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

package main

import (
	"net/smtp"
	"strings"
	"testing"

	"proxyfilter/filter/spamd/spamdtest"
)

const provider = "../../examples/provider/proxyfilter.toml"

func TestTheProvidersConfigurationHasNothingToComplainOf(t *testing.T) {
	c, err := load(sources{file: provider, required: true})
	if err != nil || len(c.warnings) > 0 {
		t.Errorf("errors %v, warnings %v", err, c.warnings)
	}
}

func TestTheProvidersCustomersAreToldApart(t *testing.T) {
	for _, test := range []struct{ recipient, client, want string }{
		{"head@school.example", "", "school"},
		{"Head+1b@School.example", "", "school"},
		{"head@primary.school.example", "", "school"},
		{"jobs@school.example", "192.0.2.17", "applications"},
		{"alumni@school.example", "", "school"},
		{"x@a.forward.example", "", "default/forwarded"},
		{"ward@clinic.example", "", "clinic"},
		{"ward@clinic.example", "192.0.2.17", "laboratory"},
		{"ward@clinic.example", "2001:db8:7::1", "laboratory"},
		{"sales@shop.trader.example", "", "trader"},
		{"sales@www.trader.example", "", "default"},
		{"x@other.example", "192.0.2.17", "default"},
	} {
		args := []string{"check", "-c", provider, "--explain", test.recipient}
		if test.client != "" {
			args = append(args, "--client", test.client)
		}
		code, out, errs := called("", args...)
		if first, _, _ := strings.Cut(out, "\n"); code != exitFine || first != test.recipient+": policy "+test.want {
			t.Errorf("%s from %q: %s%s", test.recipient, test.client, out, errs)
		}
	}
}

func TestTheProvidersCustomersGetWhatTheyAskedFor(t *testing.T) {
	s := openFile(t, &spamdtest.Server{Reply: spamdtest.Reply{Score: 9}}, provider)
	for _, test := range []struct{ to, told, log string }{
		{"head@school.example", "550 5.7.1 Message refused: it looks like spam (ref ", "policy=school"},
		{"jobs@school.example", "", "action=tag, reason=score, score=9, tests=, policy=applications"},
		{"ward@clinic.example", "", "action=tag, reason=score, score=9, tests=, policy=clinic"},
		{"sales@trader.example", "", "action=tag, would=reject, reason=score, score=9, tests=, policy=trader"},
		{"x@other.example", "", "action=tag, reason=score, score=9, tests=, policy=default"},
		{"x@a.forward.example", "550 5.7.1 ", "policy=default/forwarded"},
		{"head@school.example x@a.forward.example", "550 5.7.1 ", "policies=school:reject:6,default/forwarded:reject:7"},
		{"head@school.example ward@clinic.example sales@trader.example", "", "policies=school:reject:6,clinic:tag:15,trader:would-reject:8"},
	} {
		before := len(s.hop.Report().Delivered())
		told := ""
		if err := smtp.SendMail(s.smtp, nil, "a@example.net", strings.Fields(test.to), []byte("Subject: x\r\n\r\nx\r\n")); err != nil {
			told = strings.ReplaceAll(err.Error(), `"`, "") // textproto quotes the text
		}
		if !strings.HasPrefix(told, test.told) || (told == "") != (test.told == "") {
			t.Errorf("%s: the client was told %q", test.to, told)
		}
		if got := len(s.hop.Report().Delivered()) - before; (got == 1) != (test.told == "") {
			t.Errorf("%s: %d copies", test.to, got)
		}
		if test.to == "head@school.example" && !strings.Contains(told, "; call the school, +49 30 1234") {
			t.Errorf("%q does not say how to reach the school", told)
		}
		s.log.await(t, "to=<"+strings.ReplaceAll(test.to, " ", ">,<")+">", test.log)
	}
}

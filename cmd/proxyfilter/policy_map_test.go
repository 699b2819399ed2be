package main

import (
	"net/smtp"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"proxyfilter/filter/socketmap/socketmaptest"
	"proxyfilter/filter/spamd/spamdtest"
)

// customersMap is a server of three customers, and how the configuration calls it.
func customersMap(t *testing.T) (*socketmaptest.Server, string) {
	t.Helper()
	s := socketmaptest.New("policy", map[string]string{
		"bob@example.org": "gold bob", "eve@example.org": "iron", "odd@example.org": "golden", "rude@example.org": "gold a b",
	})
	path := filepath.Join(shortDir(t), "customers")
	if _, err := s.Listen("unix", path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, "socketmap:unix:" + path + ":policy"
}

const twoPolicies = `
[policies.gold]
reject_at = 20.0
[policies.iron]
reject_at = 6.0
`

func TestTheMapOfCustomers(t *testing.T) {
	customers, name := customersMap(t)
	s := openWith(t, &spamdtest.Server{Reply: spamdtest.Reply{Score: 9}}, twoPolicies+"[policy]\nrecipient_delimiter = \"+\"\npolicy_map = "+quote(name)+"\n")
	for _, test := range []struct{ to, told, log string }{
		{"bob@example.org", "", "action=tag, reason=score, score=9, tests=, policy=gold"},
		{"Bob+lists@Example.org", "", "action=tag, reason=score, score=9, tests=, policy=gold"},
		{"eve@example.org", "550 ", "policy=iron"},
		{"nobody@example.org", "", "action=tag, reason=score, score=9, tests=, policy=default"},
		{"odd@example.org", "", "action=tag, reason=score, score=9, tests=, policy=default"},
		{"rude@example.org", "", "action=tag, reason=score, score=9, tests=, policy=gold"},
		{"bob@example.org eve@example.org", "", "policies=gold:tag:20,iron:reject:6"},
	} {
		told := ""
		if err := smtp.SendMail(s.smtp, nil, "a@example.net", strings.Fields(test.to), []byte("Subject: x\r\n\r\nx\r\n")); err != nil {
			told = err.Error()
		}
		if !strings.HasPrefix(told, test.told) || (told == "") != (test.told == "") {
			t.Errorf("%s: the client was told %q", test.to, told)
		}
		s.log.await(t, "to=<"+strings.ReplaceAll(test.to, " ", ">,<")+">", test.log)
	}
	s.log.await(t, "names a policy that does not exist", "odd@example.org", "golden")
	s.log.await(t, "names a mailbox that cannot be a user", "a b")
	if n := slices.Index(customers.Requests(), "policy bob@example.org"); n != 0 {
		t.Errorf("requests %q", customers.Requests())
	}

	customers.Close()
	if err := smtp.SendMail(s.smtp, nil, "a@example.net", []string{"new@example.org"}, []byte("Subject: x\r\n\r\ny\r\n")); err != nil {
		t.Errorf("without the map, mail that the default policy takes: %v", err)
	}
	s.log.await(t, "to=<new@example.org>", "policy=default/unmapped", "policy_map_cause=unreachable")
	s.signals <- syscall.SIGHUP // what is remembered outlasts a reload
	s.log.await(t, "configuration reloaded")
	if err := smtp.SendMail(s.smtp, nil, "a@example.net", []string{"eve@example.org"}, []byte("Subject: x\r\n\r\nz\r\n")); err == nil || !strings.HasPrefix(err.Error(), "550 ") {
		t.Errorf("without the map, a customer that is remembered: %v", err)
	}
}

func TestSpamdIsAskedForTheMapsMailbox(t *testing.T) {
	_, name := customersMap(t)
	server := &spamdtest.Server{Reply: spamdtest.Reply{Score: 1}}
	s := openWith(t, server, twoPolicies+"[policy]\npolicy_map = "+quote(name)+"\n[spamd]\nuser = \"{recipient}\"\nshared_user = \"everybody\"\n")
	for _, test := range []struct{ to, user string }{
		{"bob@example.org", "bob"},
		{"bob@example.org Bob@Example.org", "bob"},
		{"bob@example.org eve@example.org", "everybody"},
		{"eve@example.org", "eve@example.org"},
		{"nobody@example.org", "nobody@example.org"},
	} {
		body := "Subject: " + test.to + "\r\n\r\nx\r\n"
		if err := smtp.SendMail(s.smtp, nil, "a@example.net", strings.Fields(test.to), []byte(body)); err != nil {
			t.Errorf("%s: %v", test.to, err)
			continue
		}
		requests := server.Requests()
		if last := requests[len(requests)-1]; last.User != test.user {
			t.Errorf("%s: spamd was asked for %q, want %q", test.to, last.User, test.user)
		}
	}
}

func TestCheckExplainAsksTheMap(t *testing.T) {
	customers, name := customersMap(t)
	file := write(t, twoPolicies+"[policy]\npolicy_map = "+quote(name)+"\n")
	for _, test := range []struct{ to, first, because string }{
		{"bob@example.org", "bob@example.org: policy gold", `the policy map says of <bob@example.org>: policy "gold", mailbox "bob"`},
		{"odd@example.org", "odd@example.org: policy default", `policy "golden"`},
		{"x@example.org", "x@example.org: policy default", "so [policy] applies"},
	} {
		code, out, errs := called("", "check", "-c", file, "--explain", test.to)
		if code != exitFine || !strings.HasPrefix(out, test.first+"\n") || !strings.Contains(strings.ToLower(out), test.because) && !strings.Contains(out, test.because) {
			t.Errorf("%s: %d %s%s", test.to, code, out, errs)
		}
		if missing := strings.Contains(errs, "does not exist"); missing != (test.to == "odd@example.org") {
			t.Errorf("%s: %s", test.to, errs)
		}
	}
	customers.Close()
	if _, out, _ := called("", "check", "-c", file, "--explain", "bob@example.org"); !strings.HasPrefix(out, "bob@example.org: policy default/unmapped\n") || !strings.Contains(out, "could not be asked") {
		t.Errorf("without the map: %s", out)
	}
	if c, err := load(sources{file: file}); err != nil || len(c.warnings) > 0 {
		t.Errorf("policies that only the map names: %v, %v", err, c.warnings)
	}
}

func TestSocketmapAsPostfixWritesIt(t *testing.T) {
	for text, want := range map[string]string{
		"socketmap:unix:/run/c:policy":          "unix /run/c policy",
		"socketmap:unix:/run/a:b:policy":        "unix /run/a:b policy",
		"socketmap:inet:127.0.0.1:9999:policy":  "tcp 127.0.0.1:9999 policy",
		"socketmap:inet:[::1]:9999:policy":      "tcp [::1]:9999 policy",
		"socketmap:unix:/run/c":                 "",
		"socketmap:unix:/run/c:":                "",
		"socketmap:unix:run/c:policy":           "",
		"socketmap:inet:127.0.0.1:policy":       "",
		"socketmap:/run/c:policy":               "",
		"unix:/run/c:policy":                    "",
		"socketmap:inet:127.0.0.1:9999:a name":  "",
		"socketmap:inet:127.0.0.1:999999:names": "",
	} {
		at, name, err := parseSocketmap(text)
		if got := strings.TrimSpace(at.Network + " " + at.Addr + " " + name); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
}

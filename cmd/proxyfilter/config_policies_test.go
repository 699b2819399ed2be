package main

import (
	"fmt"
	"net/smtp"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"proxyfilter/filter"
	"proxyfilter/filter/spamd/spamdtest"
)

func TestAPolicyChangesWhatItSaysAndHasTheRestFromTheDefault(t *testing.T) {
	file := write(t, `
[policies.customer]
recipients = ["example.org"]
reject_at = 8.0
[policy]
tag_at = 4.0
on_busy = "accept"
`)
	c, err := load(sources{
		file: file, environ: []string{"PROXYFILTER_POLICY_CONTACT=; call us"}, options: []string{"policy.headers=tagged"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ps := newPolicies(&c.config)
	got, want := ps.For(filter.Envelope{}, "x@example.org").Policy, ps.Default
	if want.Contact == "" || want.Headers != filter.HeadersTagged || want.RejectAt != 10 {
		t.Errorf("the default is %+v", want)
	}
	want.Name, want.RejectAt = "customer", 8
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAPolicyForNobodyIsForNobody(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "empty"), []byte("# nobody yet\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ section, warning string }{
		"a file of recipients without entries": {`recipients = ["@empty"]`, "the files of its recipients have no entries"},
		"a file of clients without entries":    {`recipients = ["example.org"]` + "\n" + `clients = ["@empty"]`, "the files of its clients have no entries"},
		"no word about anybody":                {`reject_at = 3.0`, "it names nobody, and no listener names it"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, "proxyfilter.toml")
			if err := os.WriteFile(file, []byte("[policies.a]\n"+test.section+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := load(sources{file: file})
			if err != nil || len(c.warnings) != 1 || !strings.Contains(c.warnings[0].what, test.warning) {
				t.Errorf("%v, warnings %v", err, c.warnings)
			}
			ps := newPolicies(&c.config)
			if got := ps.For(filter.Envelope{}, "x@example.org").Policy.Name; got != filter.DefaultPolicy {
				t.Errorf("it applies: %s", got)
			}
		})
	}
}

func TestWarningsAboutPolicies(t *testing.T) {
	for text, want := range map[string]string{
		"[policies.a]\nrecipients=['x@example.org']\n[policies.b]\nrecipients=['y@example.org', 'X@Example.org']": `policies.b.recipients: policies.a has "X@Example.org" already, and stands first`,
		"[policy]\nforwarded=['a@example.org']\nforwarded_reject_at=12.0":                                         "policy.forwarded has no effect: its limit is not the lower one",
		"[policies.a]\nrecipients=['a@example.org']\nreject_text='No'":                                            "policies.a.reject_text has no reference: a refused sender can name nothing to look for",
	} {
		c, err := load(sources{file: write(t, text)})
		if err != nil || len(c.warnings) != 1 || c.warnings[0].what != want {
			t.Errorf("%s\ngave %v, %v", text, c.warnings, err)
		}
	}
}

func TestFilesOfEntriesAreBounded(t *testing.T) {
	dir := t.TempDir()
	long := filepath.Join(dir, "long")
	if err := os.WriteFile(long, []byte("a.example\n"+strings.Repeat("x", 2000)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	many := filepath.Join(dir, "many")
	if err := os.WriteFile(many, []byte(strings.Repeat("not one\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, maxListFile+1); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		long: "long:2: policies.a.recipients: the line is longer than 1024 bytes", pipe: "it is not a regular file",
		large: "it is larger than 64MB", many: "has a blank or a comma in it",
	} {
		_, err := load(sources{file: write(t, fmt.Sprintf("[policies.a]\nrecipients = [%q]\n", "@"+file))})
		if !strings.Contains(lines(err), want) || strings.Count(lines(err), "\n") > maxComplaints {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestACommentInAListIsNoPartOfAnAddress(t *testing.T) {
	for line, want := range map[string]string{
		"# all of it": "", " a@b # why": "a@b", "a#b@c": "a#b@c", "a@b\t#": "a@b", "": "",
	} {
		if got := uncommented(line); got != want {
			t.Errorf("%q is %q", line, got)
		}
	}
}

func TestAReloadReadsTheListsAgain(t *testing.T) {
	list := filepath.Join(t.TempDir(), "customers")
	put := func(text string) {
		if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("example.com\n")
	section := fmt.Sprintf("[policies.customer]\nrecipients = [%q]\nreject_at = \"never\"\n", "@"+list)
	s := openWith(t, &spamdtest.Server{Reply: spamdtest.Reply{Score: 20}}, section)
	if err := s.send("one"); err == nil || !strings.Contains(err.Error(), "5.7.1") {
		t.Fatalf("before: %v", err)
	}
	put("example.com\nexample.org\n")
	s.signals <- syscall.SIGHUP
	s.log.await(t, "configuration reloaded", "changed=policies.customer.recipients")
	if err := s.send("two"); err != nil {
		t.Errorf("after: %v", err)
	}
	s.log.await(t, "action=tag", "policy=customer")

	put("not an entry\n")
	s.signals <- syscall.SIGHUP
	s.log.await(t, "customers:1: policies.customer.recipients: ")
	s.log.await(t, "reload refused")
	if err := s.send("three"); err != nil {
		t.Errorf("after a bad file: %v", err)
	}
}

func TestRecipientsUnderThreePoliciesGetOneAnswer(t *testing.T) {
	const three = `
[policies.strict]
recipients = ["strict.example"]
reject_at = 8.0
[policies.watch]
recipients = ["watch.example"]
mode = "observe"
[policy]
mixed = "%s"
`
	for _, test := range []struct {
		mixed    string
		score    float64
		to       string
		accepted bool
		log      []string
	}{
		{"lenient", 9, "a@strict.example b@example.org", true, []string{"action=tag", "policy=default", "policies=strict:reject:8,default:tag:10"}},
		{"strict", 9, "a@strict.example b@example.org", false, []string{"action=reject", "policies=strict:reject:8,default:tag:10"}},
		{"lenient", 20, "a@strict.example b@example.org", false, []string{"action=reject", "policies=strict:reject:8,default:reject:10"}},
		{"lenient", 20, "a@strict.example b@watch.example", true, []string{"action=tag, would=reject", "policies=strict:reject:8,watch:would-reject:10"}},
		{"strict", 20, "a@watch.example b@example.org", false, []string{"action=reject", "policies=watch:would-reject:10,default:reject:10"}},
		{"lenient", 20, "a@strict.example", false, []string{"action=reject", "policy=strict, "}},
	} {
		t.Run(fmt.Sprint(test.mixed, " ", test.score, " ", test.to), func(t *testing.T) {
			s := openWith(t, &spamdtest.Server{Reply: spamdtest.Reply{Score: test.score}}, fmt.Sprintf(three, test.mixed))
			to := strings.Fields(test.to)
			err := smtp.SendMail(s.smtp, nil, "a@example.net", to, []byte("Subject: x\r\n\r\nx\r\n"))
			if (err == nil) != test.accepted {
				t.Errorf("the client was told %v", err)
			}
			delivered := s.hop.Report().Delivered()
			if (len(delivered) == 1) != test.accepted || test.accepted && len(delivered[0].Recipients) != len(to) {
				t.Errorf("delivered %+v", delivered)
			}
			s.log.await(t, test.log...)
		})
	}
}

//go:build integration

package integration

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"

	"proxyfilter/integration/rig"
)

// somebody is a client elsewhere, as Postfix would know it.
const somebody = "NAME=client.example.org ADDR=203.0.113.66 PORT=4711"

func TestTheNextHopLogsTheRealClient(t *testing.T) {
	for _, c := range []struct {
		client string
		want   string // in the line of the second Postfix
	}{
		{"xforward", `client=\S*\[127\.0\.0\.1\], orig_queue_id=\w{12}, orig_client=client\.example\.org\[203\.0\.113\.66\]`},
		{"xclient", `client=client\.example\.org\[203\.0\.113\.66\]`},
	} {
		t.Run(c.client, func(t *testing.T) {
			s := own(t, rig.Options{Postfix: rig.PostfixOptions{XClient: c.client == "xclient", Impersonate: true}})
			for way, front := range fronts(s) {
				content := message(uniqueID(t), "hello\r\n")
				reply := visit{xclient: somebody, content: content}.deliver(t, front)
				queue := queueID(t, reply.String())
				arrivedOnce(t, s, queue, content)
				found, err := s.Postfix.Logged(within(t), `reinject/smtpd\[\d+\]: `+queue+`: `+c.want)
				if err != nil || len(found) != 1 {
					t.Errorf("%s: %d lines with %s (%v)", way, len(found), c.want, err)
				}
			}
		})
	}
}

// The mistake in front of which the examples put a lock: a milter for all
// listeners, which signs what comes from 127.0.0.1, as OpenDKIM does by default.
func signedSite(t *testing.T, xclient bool, edit func(string) string) *rig.Site {
	t.Helper()
	rig.Need(t, "opendkim", "python3")
	return own(t, rig.Options{
		OpenDKIM: true,
		Postfix:  rig.PostfixOptions{XClient: xclient, Impersonate: true, GlobalMilter: true, Edit: edit},
	})
}

// forge sends mail from outside in the name of our own domain, and reports
// whether we signed it.
func forge(t *testing.T, s *rig.Site, front string) bool {
	t.Helper()
	content := bytes.Replace(message(uniqueID(t), "Pay at once.\r\n"), []byte("carol@example.org"), []byte("ceo@"+rig.Domain), 1)
	reply := visit{xclient: somebody, mail: "MAIL FROM:<ceo@" + rig.Domain + ">", content: content}.deliver(t, front)
	return signed(t, s, queueID(t, reply.String()))
}

func signed(t *testing.T, s *rig.Site, queue string) bool {
	t.Helper()
	mails, err := s.Postfix.Delivered(within(t), queue)
	if err != nil || len(mails) != 1 {
		t.Fatal(len(mails), err)
	}
	return bytes.Contains(mails[0].Raw, []byte("DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d="+rig.Domain)) ||
		bytes.Contains(mails[0].Raw, []byte("\nDKIM-Signature:"))
}

func TestMailFromOutsideInOurNameIsNeverSignedAndSubmittedMailIs(t *testing.T) {
	for _, client := range []string{"xforward", "xclient"} {
		t.Run(client, func(t *testing.T) {
			s := signedSite(t, client == "xclient", nil)
			for way, front := range fronts(s) {
				if forge(t, s, front) {
					t.Errorf("%s: a forged message bears our signature", way)
				}
			}
			for way, address := range map[string]string{"not filtered": s.Postfix.Submission, "filtered": s.Postfix.Submissions} {
				queue := submit(t, address, way == "filtered", "hello")
				if !signed(t, s, queue) {
					t.Errorf("submitted mail, %s, is not signed", way)
				}
			}
		})
	}
}

// Without this one the test above could not fail.
func TestWithoutTheLockInTheExampleAForgedMessageWouldBeSigned(t *testing.T) {
	s := signedSite(t, false, func(master string) string {
		return strings.Replace(master, "    -o smtpd_milters=\n", "", 1)
	})
	if !forge(t, s, s.Postfix.Front) {
		t.Error("the second Postfix did not sign, with smtpd_milters for all listeners: the hazard is gone, or the test is blind")
	}
}

// submission logs in as a user's mail program does.
const submission = `
import smtplib, ssl, sys
host, port, implicit, user, password, content = sys.argv[1:]
tls = ssl._create_unverified_context()
if implicit == "yes":
    s = smtplib.SMTP_SSL(host, int(port), context=tls)
else:
    s = smtplib.SMTP(host, int(port))
    s.starttls(context=tls)
s.set_debuglevel(1)
s.login(user, password)
s.sendmail(user, ["bob@example.net"], content)
s.quit()
`

// submit sends mail as our user and returns the queue id.
func submit(t *testing.T, address string, implicit bool, body string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	tls := "no"
	if implicit {
		tls = "yes"
	}
	content := fmt.Sprintf("From: %s\r\nTo: bob@example.net\r\nSubject: report\r\nMessage-ID: %s\r\n\r\n%s\r\n", rig.User, uniqueID(t), body)
	out, err := python(within(t), submission, host, port, tls, rig.User, rig.Password, content)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return queueID(t, out)
}

func python(ctx context.Context, script string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, rig.Program("python3"), append([]string{"-c", script}, args...)...).CombinedOutput()
	return string(out), err
}

func TestSubmittedMailThatIsFilteredIsMarkedAtMost(t *testing.T) {
	rig.Need(t, "python3")
	s := shared(t)
	queue := submit(t, s.Postfix.Submissions, true, gtube)
	mails, err := s.Postfix.Delivered(within(t), queue)
	if err != nil || len(mails) != 1 {
		t.Fatal(len(mails), err)
	}
	if !bytes.Contains(mails[0].Raw, []byte("\nX-Spam-Flag: YES\n")) {
		t.Errorf("not marked:\n%s", mails[0].Raw)
	}
	if _, err := s.Filter.Log.Wait(within(t), 0, `\bown\b.*`+queue+`|`+queue+`.*\bown\b`); err != nil {
		t.Error(err)
	}
}

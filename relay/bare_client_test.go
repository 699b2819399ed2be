package relay

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/emersion/go-smtp"

	"proxyfilter/relay/relaytest"
)

// The same for go-smtp's client, which has its defects in the place of hop. What
// hop does instead is what the tests of TestNextHop and the milestones hold.
func bareClient(t *testing.T, play func(c *smtp.Client)) relaytest.Report {
	t.Helper()
	l, hop := relaytest.Listen(), &relaytest.Hop{}
	go hop.Serve(l)
	conn, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := smtp.NewClient(conn)
	play(c)
	c.Close()
	synctest.Wait()
	l.Close()
	hop.Close()
	return hop.Report()
}

func TestDefectsOfBareGoSMTPsClient(t *testing.T) {
	opened := func(t *testing.T, c *smtp.Client, from string) {
		if err := c.Mail(from, &smtp.MailOptions{EnvelopeID: "a=b"}); err != nil {
			t.Fatal(err)
		}
		if err := c.Rcpt("c@d", nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []struct {
		name  string
		play  func(t *testing.T, c *smtp.Client)
		shows func(r relaytest.Report) bool
	}{
		{"QUIT in the middle of content commits the half", func(t *testing.T, c *smtp.Client) {
			opened(t, c, "a@b")
			w, err := c.Data()
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(w, "Subject: half\r\n")
			c.Quit()
		}, func(r relaytest.Report) bool { return len(r.Delivered()) == 1 }},
		{"the envelope is printed again: a parameter is added, another one encoded", func(t *testing.T, c *smtp.Client) {
			opened(t, c, "a@b")
		}, func(r relaytest.Report) bool {
			mail := r.Transactions[0].Mail
			return strings.Contains(mail, "BODY=8BITMIME") && strings.Contains(mail, "ENVID=a+3Db")
		}},
		{"a quoted local part has lost its quotes", func(t *testing.T, c *smtp.Client) {
			opened(t, c, "al ice@b.c")
		}, func(r relaytest.Report) bool { return strings.HasPrefix(r.Transactions[0].Mail, "<al ice@b.c>") }},
	} {
		t.Run(d.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if r := bareClient(t, func(c *smtp.Client) { d.play(t, c) }); !d.shows(r) {
					t.Errorf("go-smtp has changed, the defect does not show: %+v", r)
				}
			})
		})
	}
}

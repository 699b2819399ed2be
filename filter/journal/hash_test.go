package journal

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
)

func TestAddressesAreHashedAndClientsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, _ := open(t, Config{Subject: true})
		r := numbered(1)
		r.Subject, r.From, r.Err = "A secret", `"Ann" <ann@example.org>`, "client 2001:db8:1:2::3: broken"
		r.Verdict.Opinions = []filter.Opinion{{Policy: "p", Recipients: []string{"rcpt1@example.net"}}}
		r.Verdict.Findings[0].Rules[0].Description = "[192.0.2.1 listed in zen.example.org]"
		r.Verdict.Findings[0].Labels = []string{filter.Listed, "an entry rcpt9@example.org", "accept_clients 192.0.2.1/32"}
		for _, about := range []string{"sender O'Rcpt rcpt3@example.org", "sender+client 2001:db8:1:2::/64 rcpt'4@example.org", "client 2001:db8:1:2::/64", "signed example.com"} {
			r.Verdict.Findings = append(r.Verdict.Findings, filter.Finding{Source: filter.ExceptionsName, Labels: []string{
				filter.Listed, "exception 1JD3M0C5Z8RK 2026-11-26T09:00:00Z 2026-12-03T09:00:00Z 1JD3K8M7Q2XA " + about,
			}})
		}
		j.Add(&r)
		settle()
		a := archive(t, j)
		if e, err := a.Last(t.Context(), Query{}, 1); err != nil || e[0].Subject != "A secret" {
			t.Fatalf("%v %+v", err, e)
		}
		time.Sleep(8 * 24 * time.Hour)
		settle()
		last, err := a.Last(t.Context(), Query{}, 1)
		if err != nil || len(last) != 1 {
			t.Fatal(err, last)
		}
		b, err := last[0].JSON()
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"@", "Ann", "rcpt", "ender1", "ecret", "192.0.2.1", "198.51.100.7", "mail.example", "2001:db8:1:2", "O'"} {
			if strings.Contains(string(b), word) {
				t.Errorf("%s is still in %s", word, b)
			}
		}
		for _, want := range []string{`"192.0.2.0"`, `"*.example.org"`, `"listed","an entry h:`, `"accept_clients 192.0.2.0/32"`, `[192.0.2.0 listed in zen.example.org]`, `client 2001:db8:1::: broken`, `"to":["h:`, " sender h:", " sender+client 2001:db8:1::/64 h:", " client 2001:db8:1::/64", " signed example.com"} {
			if !strings.Contains(string(b), want) {
				t.Errorf("%s is missing in %s", want, b)
			}
		}
	})
}

func TestSubjectIsNotKeptUnlessAskedFor(t *testing.T) {
	j, _ := open(t, Config{})
	r := numbered(1)
	r.Subject = "A secret"
	j.Add(&r)
	j.Close(time.Minute)
	if e, err := archive(t, j).Last(t.Context(), Query{}, 1); err != nil || len(e) != 1 || e[0].Subject != "" {
		t.Errorf("%v %+v", err, e)
	}
}

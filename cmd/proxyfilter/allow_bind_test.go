package main

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/journal"
)

func TestWhatAnExceptionIsBoundTo(t *testing.T) {
	signed := func(r *filter.Record) {
		r.From = `"Ann, of Example" <ann@Example.org>`
		r.Verdict.Findings[0].Rules = append(r.Verdict.Findings[0].Rules, filter.Rule{Name: "DKIM_VALID_AU"})
	}
	for _, test := range []struct {
		name   string
		change func(*filter.Record)
		flags  allowFlags
		hashed bool
		want   string // the end of the exception, or of the error
	}{
		{"an unsigned message", func(*filter.Record) {}, allowFlags{}, false, "sender+client 192.0.2.0/24 bounce@example.net"},
		{"a signed one", signed, allowFlags{}, false, " signed example.org"},
		{"a signed one, of two authors", func(r *filter.Record) { signed(r); r.From = "a@one.example, b@two.example" }, allowFlags{}, false, "sender+client 192.0.2.0/24 bounce@example.net"},
		{"a signed one without an author", func(r *filter.Record) { signed(r); r.From = "Ann" }, allowFlags{}, false, "sender+client 192.0.2.0/24 bounce@example.net"},
		{"a signed one with another's domain in the name", func(r *filter.Record) {
			signed(r)
			r.From = "info%good.example@Example.org"
		}, allowFlags{}, false, " signed example.org"},
		{"a signed one with another's address around it", func(r *filter.Record) {
			signed(r)
			r.From = "ann@good.example ( <ann@example.org> )"
		}, allowFlags{}, false, "sender+client 192.0.2.0/24 bounce@example.net"},
		{"a signed one whose author was cut short", func(r *filter.Record) {
			signed(r)
			r.From = strings.Repeat("a", 185) + "@good.example"
		}, allowFlags{}, false, "sender+client 192.0.2.0/24 bounce@example.net"},
		{"signed by a stranger", func(r *filter.Record) {
			signed(r)
			r.Verdict.Findings[0].Rules = []filter.Rule{{Name: "DKIM_VALID"}}
		}, allowFlags{}, false, "sender+client 192.0.2.0/24 bounce@example.net"},
		{"a signed one, from a provider of free mailboxes", func(r *filter.Record) {
			signed(r)
			r.Verdict.Findings[0].Rules = append(r.Verdict.Findings[0].Rules, filter.Rule{Name: "FREEMAIL_FROM"})
		}, allowFlags{}, false, "sender+client 192.0.2.0/24 bounce@example.net"},
		{"a signed one, for its client", signed, allowFlags{client: true}, false, " client 192.0.2.1/32"},
		{"for a client of IPv6", func(r *filter.Record) { r.Envelope.Client.Addr = netip.MustParseAddr("2001:db8::7") }, allowFlags{client: true}, false, " client 2001:db8::/64"},
		{"for its sender", signed, allowFlags{sender: true}, false, " sender bounce@example.net"},
		{"for the domain of its sender", signed, allowFlags{domain: true}, false, " domain example.net"},
		{"a sender in odd spelling", func(r *filter.Record) { r.Envelope.Sender = `"Ann B"@Example.ORG.` }, allowFlags{}, false, " sender+client 192.0.2.0/24 ann b@example.org"},
		{"a bounce", func(r *filter.Record) { r.Envelope.Sender = "" }, allowFlags{}, false, "it is a bounce, from nobody; --client is for all that its client sends"},
		{"a bounce, for its client", func(r *filter.Record) { r.Envelope.Sender = "" }, allowFlags{client: true}, false, " client 192.0.2.1/32"},
		{"a client that is not known", func(r *filter.Record) { r.Envelope.Client = filter.Client{} }, allowFlags{}, false, "(XFORWARD ADDR); --sender or --domain do without"},
		{"a sender without a domain", func(r *filter.Record) { r.Envelope.Sender = "root" }, allowFlags{}, false, `"root" is no sender, or the client is missing`},
		{"a sender with a bell in it", func(r *filter.Record) { r.Envelope.Sender = "a\a@example.org" }, allowFlags{}, false, "has something in it that no address has"},
		{"addresses that are hashed by now", signed, allowFlags{}, true, "since journal.keep_addresses, so it cannot be known whom an exception would be for; wait for the next refusal, or write into [lists]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := aRecord()
			r.Envelope.Sender = "bounce@example.net"
			test.change(&r)
			e := filter.Exception{ID: "1JD3M0C5Z8RK", Reference: r.Envelope.ID, Made: time.Unix(1764149907, 0).UTC(), Until: time.Unix(1764749907, 0).UTC()}
			e, err := test.flags.bind(e, journal.Entry{Record: r, Hashed: test.hashed})
			if err == nil {
				err = e.Check()
			}
			got := e.String()
			if err != nil {
				got = err.Error()
			}
			if !strings.HasSuffix(got, test.want) {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestWhatCannotBeAllowed(t *testing.T) {
	list := aRecord()
	list.Envelope.ID = "1JD3K8M7Q2XB"
	list.Verdict.Reason = filter.Advice
	args := append(stored(t, aRecord(), list), "-o", "store.path="+t.TempDir()+"/state.db", "allow")
	for _, test := range []struct {
		args string
		code int
		text string
	}{
		{"", exitUsage, "at least one of the flags in the group [ref list revoke] is required"},
		{"--ref 1JD3K8M7Q2XA --list", exitUsage, "if any flags in the group [ref list revoke] are set none of the others can be"},
		{"--ref 1JD3K8M7Q2XA --client --sender", exitUsage, "if any flags in the group [sender domain client] are set none of the others can be"},
		{"--ref nonsense", exitUsage, `--ref: reference "nonsense": want 12 characters`},
		{"--revoke ../../etc/pass", exitUsage, `--revoke: reference`},
		{"--ref 1JD3K8M7Q2XA --for 59s", exitUsage, "--for 59s is not from 1m to 366d; what should last longer has its place in [lists]"},
		{"--ref 1JD3K8M7Q2XA --for 367d", exitUsage, "--for 367d is not from 1m to 366d"},
		{"--ref 1JD3K8M7Q2XA --for ever", exitUsage, "--for: "},
		{"--ref 1JD3K8M7Q2XC", exitNo, "nothing about \"1JD3K8M7Q2XC\" in the journal"},
		{"--ref 1JD3K8M7Q2XB", exitNo, `1JD3K8M7Q2XB was refused, and the reason is "advice": an exception is for mail whose score is too high; see "proxyfilter explain 1JD3K8M7Q2XB"`},
		{"--ref 1JD3K8M7Q2XA", exitTemporary, "there is no store to keep an exception in: "},
		{"--ref 1JD3K8M7Q2XA --client", exitTemporary, "there is no store to keep an exception in: "},
		{"--list -o store.path=", exitUsage, "store.path is empty: there is nowhere to keep an exception"},
		{"--list -o store.kind=redis -o store.path= -o store.url=redis://127.0.0.1:1", exitTemporary, "connection refused"},
	} {
		code, stdout, stderr := called("", append(args[:len(args):len(args)], strings.Fields(test.args)...)...)
		if code != test.code || !strings.Contains(stderr, test.text) || stdout != "" {
			t.Errorf("%s: %d, %s%s", test.args, code, stdout, stderr)
		}
	}
}

// What is marked for its score alone would have been marked without it, too.
func TestAnExceptionIsNamedWhateverCameOfIt(t *testing.T) {
	r := aRecord()
	r.Verdict.Action, r.Verdict.Would, r.Verdict.Score = filter.Tag, filter.Tag, 6
	r.Verdict.Findings = append(r.Verdict.Findings, filter.Finding{Source: filter.ExceptionsName, Labels: []string{
		filter.Listed, "exception 1JD3M0C5Z8RK 2026-11-26T09:00:00Z 2026-12-03T09:00:00Z 1JD3K8M7Q2XA sender h:0123456789", filter.Spared,
	}})
	story := told(t, r)
	for _, words := range []string{"\nIt was allowed by an exception made on ", " for 1JD3K8M7Q2XA, until ", "(1JD3M0C5Z8RK: sender, h:0123456789).\n", "from which the policy \"default\" marks mail."} {
		if !strings.Contains(story, words) {
			t.Errorf("no %q in\n%s", words, story)
		}
	}
	r.Verdict.Score = 12.3
	if story = told(t, r); !strings.Contains(story, "; such mail is marked at most.") {
		t.Error(story)
	}
}

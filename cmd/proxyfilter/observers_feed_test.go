package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"proxyfilter/filter"
)

// feed makes outcomes of every kind. Two with the same seed make the same ones.
type feed struct {
	*rand.Rand
	made int
	time time.Time // of the next one
}

// hostile are texts by which a stranger would like to be read as somebody else.
func hostile() []string {
	return []string{
		"a@example.org", "", `x>, action=accept, reason=clean, to=<y`, `", queue_id="4FORGED`, `\", action=accept, x="`, "<script>alert(1)</script>",
		"a\r\nproxyfilter[1]: 1JD3K8M7Q2XA: client=x[192.0.2.9], action=accept", "\u202egpj.exe", "\x00\x1b[2J", "日本@例え.jp", "{}%s",
		"a,b, c=d", `"quoted local"@example.org`, "</p></bdi><img src=x onerror=alert(1)>", "1JD3K8M7Q2XA",
	}
}

func pick[T any](f *feed, from ...T) T { return from[f.IntN(len(from))] }

func (f *feed) text() string {
	if f.often(1) { // no UTF-8, and longer than any observer shows
		return pick(f, "caf\xe9\xff", strings.Repeat("long", 400), strings.Repeat("\U0001F4A9", 300))
	}
	return pick(f, hostile()...)
}

func (f *feed) often(percent int) bool { return f.IntN(100) < percent }

// span has whole microseconds, as the journal has.
func (f *feed) span() time.Duration { return time.Duration(f.IntN(2_000_000)) * time.Microsecond }

// next is one outcome. Every action meets every reason in turn.
func (f *feed) next() filter.Record {
	actions := []filter.Action{filter.Undecided, filter.Accept, filter.Tag, filter.Defer, filter.Reject}
	reasons := filter.Reasons()
	r := filter.Record{
		Time: f.time, Envelope: f.envelope(), Size: f.Int64N(1 << 24), MessageID: f.text(), From: f.text(), Subject: f.text(),
		Received: f.span(), Waited: f.span(), Scanned: f.span(), Committed: f.span(),
	}
	r.Verdict = f.verdict(actions[f.made%len(actions)], reasons[f.made/len(actions)%len(reasons)])
	if f.often(10) { // one recipient was refused, before the end of data
		r.Recipient, r.Received = f.text()+"@example.net", 0
	}
	if r.Verdict.Reason == filter.Duplicate {
		r.Original = filter.Reference(f.time, f.Uint32())
	}
	r.Reply = pick(f, "", "250 2.0.0 Ok: queued as 4ABC", "451 4.7.1 Cannot check (ref "+r.Envelope.ID+")", "550 5.7.1 "+f.text())
	r.QueueID = pick(f, "", "4ABC", fmt.Sprintf("4Q%d", f.made))
	r.Err = pick(f, "", "", "", f.text())
	if f.often(10) {
		r.Anomalies = filter.Anomalies{BareCR: f.IntN(3), BareLF: f.IntN(3), ExtraCR: f.IntN(3), NUL: f.IntN(3), Unstuffed: f.IntN(3)}
	}
	f.made++
	return r
}

func (f *feed) envelope() filter.Envelope {
	e := filter.Envelope{
		ID: filter.Reference(f.time, uint32(f.made)), Listener: pick(f, "", "submission"), Sender: f.text(),
		Client: filter.Client{
			Addr: pick(f, netip.Addr{}, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")),
			Name: f.text(), Helo: f.text(), Local: f.often(5), Authenticated: f.often(5),
		},
	}
	count := f.IntN(4)
	if f.often(1) {
		count = 120 // more than a log line names
	}
	for n := range count {
		e.Recipients = append(e.Recipients, fmt.Sprintf("%d%s", n, f.text()))
	}
	return e
}

func (f *feed) verdict(action filter.Action, reason filter.Reason) filter.Verdict {
	v := filter.Verdict{
		Action: action, Would: action, Reason: reason, Policy: pick(f, "", "default", "own", "school/forwarded"),
		Score: float64(f.IntN(700)-100) / 10, TagAt: 5, RejectAt: pick(f, 0, 10.0),
	}
	if f.often(10) && action.Passes() { // it only observes
		v.Would = filter.Reject
	}
	if f.often(20) {
		v.Opinions = []filter.Opinion{
			{Policy: "school", Recipients: []string{f.text()}, Action: filter.Reject, Would: filter.Reject, RejectAt: 6},
			{Policy: "patient", Action: filter.Tag, Would: filter.Reject, TagAt: 5},
		}
	}
	for _, make := range []func() filter.Finding{f.list, f.spamd, f.virus, f.mapped, f.foreign} {
		if f.often(40) {
			v.Findings = append(v.Findings, make())
		}
	}
	return v
}

// answer is what all scanners have in common: now and then there is none.
func (f *feed) answer(source string) filter.Finding {
	s := filter.Finding{Source: source, Server: "127.0.0.1:783", Took: f.span(), Labels: pick(f, nil, []string{filter.Reused}, []string{filter.Truncated, filter.Signed})}
	if f.often(30) {
		s.Cause, s.Err = pick(f, filter.Causes()...), "why: "+f.text()
	}
	return s
}

func (f *feed) spamd() filter.Finding {
	s := f.answer("spamd")
	if s.Cause == "" {
		s.Score, s.Limit = float64(f.IntN(100)), 5
		s.Rules = []filter.Rule{{Name: "BAYES_99", Points: 3.5, Description: f.text()}, {Name: f.text()}}
	}
	return s
}

func (f *feed) virus() filter.Finding {
	s := f.answer("clamd")
	if s.Viruses = true; s.Cause == "" && f.often(50) {
		s.Advice, s.Rules = filter.Reject, []filter.Rule{{Name: pick(f, "Eicar-Test-Signature", f.text()+"x")}}
	}
	return s
}

func (f *feed) foreign() filter.Finding { return f.answer("sandbox") }

func (f *feed) list() filter.Finding {
	return filter.Finding{Source: filter.ListsName, Advice: filter.Reject, Labels: []string{filter.Listed, "refuse_senders " + f.text()}}
}

func (f *feed) mapped() filter.Finding {
	return filter.Finding{Source: filter.PolicyMapName, Labels: []string{filter.Listed}, Assigned: []filter.Assignment{{Recipient: f.text(), Policy: "gold"}}}
}

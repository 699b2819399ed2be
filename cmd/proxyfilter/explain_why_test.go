package main

import (
	"strings"
	"testing"
	"time"

	"proxyfilter/filter"
)

func TestWhatWouldHaveLetItThrough(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*filter.Record)
		want   []string
		not    string
	}{
		{"two rules only together", func(r *filter.Record) {
			r.Verdict.Score, r.Verdict.RejectAt = 14, 10
		}, []string{"4.0 less", "Without BAYES_99 and URIBL_BLACK it would have been low enough; without fewer rules"}, "BAYES_99 or"},
		{"any of two", func(r *filter.Record) { r.Verdict.Score = 11 }, []string{"Without BAYES_99 or URIBL_BLACK it would have been low enough"}, "together"},
		{"rules without points", func(r *filter.Record) {
			r.Verdict.Findings[0].Rules[0].Points, r.Verdict.Findings[0].Rules[1].Points = 0, 0
		}, []string{"2.3 less"}, "Without"},
		{"exactly the limit", func(r *filter.Record) { r.Verdict.Score = 10 }, []string{"0.1 less", "reject_at above 10.0"}, ": 0.0 less"},
		{"a policy of its own", func(r *filter.Record) { r.Verdict.Policy = "sales" }, []string{"policies.sales.reject_at above 12.3"}, ""},
		{"marked", func(r *filter.Record) {
			r.Verdict.Action, r.Verdict.Would, r.Verdict.Score = filter.Tag, filter.Tag, 6
		}, []string{"kept it unmarked", "A score below 5.0: 1.0 less", "policy.tag_at (or required_score of spamd"}, "logged in"},
		{"marked at most", func(r *filter.Record) {
			r.Verdict.Action, r.Verdict.Would, r.Verdict.Policy = filter.Tag, filter.Tag, "own"
		}, []string{`would be enough to refuse it (10.0), but the policy "own" marks at most`}, ""},
		{"a part of a signed message", func(r *filter.Record) {
			r.Verdict.Action, r.Verdict.Would = filter.Tag, filter.Tag
			r.Verdict.Findings[0].Labels = []string{filter.Truncated, filter.Signed}
		}, []string{"only its first part was scanned", "[truncated, signed]"}, ""},
		{"observed", func(r *filter.Record) { r.Verdict.Action = filter.Tag }, []string{"marked as spam, and handed on", `only observes: enforced, the message would have been refused`, "let it through"}, ""},
		{"nobody answered", func(r *filter.Record) {
			r.Verdict = filter.Verdict{
				Action: filter.Defer, Would: filter.Defer, Reason: filter.Unscanned, Policy: "default",
				Findings: []filter.Finding{{Source: "spamd", Server: "127.0.0.1:783", Cause: filter.CauseUnreachable, Err: "connection refused", Took: time.Second}},
			}
		}, []string{"put off", "could not answer, after 1.000 s: unreachable: connection refused", `policy.on_scan_failure = "defer" decides`, `on_scan_failure = "accept"`}, "score"},
		{"blind for hours", func(r *filter.Record) {
			r.Verdict = filter.Verdict{
				Action: filter.Accept, Would: filter.Accept, Reason: filter.Unscanned, Policy: "default",
				Findings: []filter.Finding{{Source: "spamd", Cause: filter.CauseTimeout, Blind: 4 * time.Hour}},
			}
		}, []string{"Nobody had been answered for 4h0m0s", "policy.blind_limit"}, "let it through"},
		{"a source was sure", func(r *filter.Record) {
			r.Verdict.Reason = filter.Advice
			r.Verdict.Findings = append(r.Verdict.Findings, filter.Finding{Source: "clamd", Advice: filter.Reject, Text: "Eicar"})
		}, []string{"clamd was sure by itself, and said: reject (Eicar)."}, ""},
		{"a virus", func(r *filter.Record) {
			r.Verdict.Reason = filter.Virus
			r.Verdict.Findings = append(r.Verdict.Findings, aVirus())
		}, []string{"clamd (127.0.0.1:3310) found a virus:\n", "     0.0  Eicar", `which the scanner calls Eicar, and policy.virus = "reject" decides`, `policy.virus = "tag"`, "*.ign2"}, "sure by itself"},
		{"a virus that was marked", func(r *filter.Record) {
			r.Verdict.Reason, r.Verdict.Action, r.Verdict.Would = filter.Virus, filter.Tag, filter.Tag
			r.Verdict.Findings = append(r.Verdict.Findings, aVirus())
		}, []string{`policy.virus = "tag" decides`, "kept it unmarked"}, "hands it on"},
		{"no virus", func(r *filter.Record) {
			r.Verdict.Findings = append(r.Verdict.Findings, filter.Finding{Source: "clamd", Viruses: true, Labels: []string{"truncated"}})
		}, []string{"clamd found no virus [truncated].\n"}, ""},
		{"nobody looked for viruses", func(r *filter.Record) {
			r.Verdict.Action, r.Verdict.Would, r.Verdict.Reason = filter.Defer, filter.Defer, filter.Unscanned
			r.Verdict.Findings = append(r.Verdict.Findings, filter.Finding{Source: "clamd", Viruses: true, Cause: filter.CauseTimeout, Err: "deadline"})
		}, []string{`Nobody could look for viruses in it, and clamd.on_scan_failure = "defer" decides`, `clamd.on_scan_failure = "accept"`}, "policy.on_scan_failure"},
		{"nobody looked at all", func(r *filter.Record) {
			r.Verdict = filter.Verdict{
				Action: filter.Defer, Would: filter.Defer, Reason: filter.Unscanned, Policy: "default",
				Findings: []filter.Finding{{Source: "spamd", Cause: filter.CauseUnreachable}, {Source: "clamd", Viruses: true, Cause: filter.CauseBusy}},
			}
		}, []string{
			"No scanner could answer; policy.on_scan_failure says", "Nobody was free in time to look for viruses in it; clamd.on_scan_failure says",
			`policy.on_scan_failure = "accept"`, `clamd.on_scan_failure = "accept"`,
		}, "decides"},
		{"a forwarded recipient", func(r *filter.Record) { r.Verdict.Policy = "sales/forwarded" }, []string{"policies.sales.forwarded_reject_at above"}, ""},
		{"overruled", func(r *filter.Record) {
			r.Verdict.Action, r.Verdict.Would = filter.Tag, filter.Tag
			r.Verdict.Opinions = []filter.Opinion{
				{Policy: "default", Recipients: []string{"c@d"}, Action: filter.Reject, Would: filter.Reject, TagAt: 5, RejectAt: 10},
				{Policy: "patient", Recipients: []string{"e@f"}, Action: filter.Tag, Would: filter.Tag, TagAt: 5},
			}
		}, []string{
			`For <c@d> the policy "default" said: refused (it refuses from 10.0 on).`, `For <e@f> the policy "patient" said: marked (it refuses nothing by score).`,
			"enough to refuse it (10.0), but other recipients are under a policy that takes it, and one answer is for all.",
		}, "marks at most"},
		{"a recipient on a list", func(r *filter.Record) {
			r.Verdict.Action, r.Verdict.Would, r.Verdict.Reason, r.Verdict.Policy = filter.Tag, filter.Tag, filter.Advice, "default/refused"
			r.Verdict.Findings = append(r.Verdict.Findings, filter.Finding{Source: "lists", Advice: filter.Reject, Labels: []string{filter.Listed, "refuse_recipients d"}, Recipients: []string{"c@d"}})
			r.Verdict.Opinions = []filter.Opinion{
				{Policy: "default/refused", Recipients: []string{"c@d"}, Action: filter.Reject, Would: filter.Reject, TagAt: 5, RejectAt: 10, Reason: filter.Advice},
				{Policy: "default", Recipients: []string{"e@f"}, Action: filter.Tag, Would: filter.Tag, TagAt: 5, Reason: filter.Score},
			}
		}, []string{
			`For <c@d> the policy "default/refused" said: refused (on a list).`, "\nlists.refuse_recipients d, for <c@d>.\n",
			"  A recipient is on a list: lists.refuse_recipients d.\n", "Other recipients are under a policy that takes it",
			"no entry for it in lists.refuse_recipients.",
		}, "from 10.0"},
		{"sent again", func(r *filter.Record) {
			r.Verdict.Action, r.Verdict.Would, r.Verdict.Reason = filter.Accept, filter.Accept, filter.Duplicate
			r.QueueID, r.Original = "4ABC", "1JD3K8M7Q2XB"
		}, []string{"was sent before, as 1JD3K8M7Q2XB, and was handed on then", "no second copy"}, "What would"},
		{"sent again too early", func(r *filter.Record) {
			r.Verdict.Action, r.Verdict.Would, r.Verdict.Reason = filter.Defer, filter.Defer, filter.Duplicate
		}, []string{"not known yet", "Another try"}, ""},
		{"clean", func(r *filter.Record) {
			r.Verdict.Action, r.Verdict.Would, r.Verdict.Reason, r.Verdict.Score = filter.Accept, filter.Accept, filter.Clean, 1
			r.QueueID = "4ABC"
		}, []string{": handed on, ", "Its score of 1.0 is below 5.0", "queue id    4ABC"}, "What would"},
		{"no scanner", func(r *filter.Record) {
			r.Verdict = filter.Verdict{Action: filter.Accept, Would: filter.Accept, Reason: filter.Unscanned}
		}, []string{"nobody has looked at it"}, "What would"},
		{"one recipient", func(r *filter.Record) {
			r.Recipient, r.Reply, r.Err = "c@d", "554 5.7.1 no", "x"
			r.Verdict = filter.Verdict{Action: filter.Reject, Would: filter.Reject, Reason: filter.HopRefused}
		}, []string{"one recipient was refused", "to          <c@d>\n", "orig_queue_id=1JD3K8M7Q2XA", "error       x"}, "e@f"},
		{"a client whose user is known", func(r *filter.Record) { r.Envelope.Client.Authenticated = true }, []string{"a user who has logged in"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := aRecord()
			test.change(&r)
			got := told(t, r)
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is missing in\n%s", want, got)
				}
			}
			if test.not != "" && strings.Contains(got, test.not) {
				t.Errorf("%q is in\n%s", test.not, got)
			}
		})
	}
}

func aVirus() filter.Finding {
	return filter.Finding{Source: "clamd", Server: "127.0.0.1:3310", Viruses: true, Advice: filter.Reject, Rules: []filter.Rule{{Name: "Eicar"}}}
}

func TestEveryReasonIsExplained(t *testing.T) {
	for _, reason := range filter.Reasons() {
		r := aRecord()
		r.Verdict.Reason = reason
		r.Verdict.Findings[0].Advice = filter.Reject
		for _, s := range because(&r) {
			if strings.HasPrefix(s, "The reason is") {
				t.Errorf("%s: because does not know it", reason)
			}
		}
		if len(because(&r)) == 0 || reason != filter.Clean && len(letThrough(&r)) == 0 {
			t.Errorf("%s: %q, %q: want what happened and what would help", reason, because(&r), letThrough(&r))
		}
	}
}

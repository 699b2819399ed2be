package filter_test

import (
	"reflect"
	"testing"
	"time"

	"proxyfilter/filter"
)

func scored(score float64) filter.Finding {
	return filter.Finding{Source: "spamd", Score: score, Limit: 5}
}

func failedBy(cause filter.Cause, blind time.Duration) filter.Finding {
	return filter.Finding{Source: "spamd", Cause: cause, Blind: blind}
}

func advice(a filter.Action, text string) filter.Finding {
	return filter.Finding{Source: "clamd", Advice: a, Text: text}
}

func labelled(f filter.Finding, labels ...string) filter.Finding {
	f.Labels = labels
	return f
}

type findings = []filter.Finding

// decision is what a policy is to make of findings.
type decision struct {
	name     string
	policy   filter.Policy
	findings findings
	action   filter.Action
	reason   filter.Reason
	text     string
}

func (d decision) check(t *testing.T) {
	v := d.policy.Decide(d.findings)
	if v.Action != d.action || v.Reason != d.reason || v.Text != d.text {
		t.Errorf("got %v, %v, %q; want %v, %v, %q", v.Action, v.Reason, v.Text, d.action, d.reason, d.text)
	}
	if !reflect.DeepEqual(v.Findings, d.findings) {
		t.Errorf("findings became %+v", v.Findings)
	}
}

func TestPolicyDecides(t *testing.T) {
	const standard = "Message refused: it looks like spam (ref {id})"
	strict := filter.Policy{RejectAt: 10}
	open := filter.Policy{RejectAt: 10, OnScanFailure: filter.Accept, OnBusy: filter.Accept}
	own := filter.Policy{RejectAt: 10, TagOnly: true}
	watch := filter.Policy{RejectAt: 10, Mode: filter.Observe}
	patient := filter.Policy{RejectAt: 10, BlindLimit: 4 * time.Hour}
	long, short := 4*time.Hour, 4*time.Hour-1
	for _, d := range []decision{
		{"nobody asked is unscanned", strict, nil, filter.Accept, filter.Unscanned, ""},
		{"a low score is clean", strict, findings{scored(4.9)}, filter.Accept, filter.Clean, ""},
		{"a score at the source's threshold is tagged", strict, findings{scored(5)}, filter.Tag, filter.Score, ""},
		{"a score just below refusal is tagged", strict, findings{scored(9.99)}, filter.Tag, filter.Score, ""},
		{"a score at the limit is refused", strict, findings{scored(10)}, filter.Reject, filter.Score, standard},
		{"the zero policy refuses no score", filter.Policy{}, findings{scored(1000)}, filter.Tag, filter.Score, ""},
		{"the policy's own threshold goes before the source's", filter.Policy{TagAt: 3}, findings{scored(3)}, filter.Tag, filter.Score, ""},
		{"a higher threshold of the policy too", filter.Policy{TagAt: 7}, findings{scored(6)}, filter.Accept, filter.Clean, ""},
		{"without any threshold five serves", strict, findings{{Source: "x", Score: 5}}, filter.Tag, filter.Score, ""},
		{"without any threshold less than five is clean", strict, findings{{Source: "x", Score: 4.9}}, filter.Accept, filter.Clean, ""},
		{"scores of several sources are added", strict, findings{scored(6), scored(4)}, filter.Reject, filter.Score, standard},
		{"a negative score counts too", strict, findings{scored(11), scored(-2)}, filter.Tag, filter.Score, ""},
		{"what a source said before it failed does not count", strict, findings{scored(1), {Source: "x", Score: 20, Cause: filter.CauseBroken}}, filter.Accept, filter.Clean, ""},

		{"advice to reject needs no score", strict, findings{scored(0), advice(filter.Reject, "virus")}, filter.Reject, filter.Advice, "virus"},
		{"advice to reject without a word is told in ours", strict, findings{advice(filter.Reject, "")}, filter.Reject, filter.Advice, standard},
		{"advice to defer", strict, findings{scored(20), advice(filter.Defer, "later")}, filter.Defer, filter.Advice, "later"},
		{"advice to accept goes before a score", strict, findings{scored(20), advice(filter.Accept, "")}, filter.Accept, filter.Advice, ""},
		{"advice to accept goes before a failure", strict, findings{failedBy(filter.CauseTimeout, 0), advice(filter.Accept, "")}, filter.Accept, filter.Advice, ""},
		{"to reject goes before to defer and to accept", strict, findings{advice(filter.Accept, ""), advice(filter.Defer, "d"), advice(filter.Reject, "r")}, filter.Reject, filter.Advice, "r"},
		{"to defer goes before to accept", strict, findings{advice(filter.Accept, ""), advice(filter.Defer, "d")}, filter.Defer, filter.Advice, "d"},
		{"advice to tag makes clean mail tagged", strict, findings{scored(1), advice(filter.Tag, "")}, filter.Tag, filter.Advice, ""},
		{"advice to tag keeps no spam from refusal", strict, findings{scored(10), advice(filter.Tag, "")}, filter.Reject, filter.Score, standard},
		{"advice of a source that failed is none", strict, findings{scored(1), {Source: "x", Advice: filter.Reject, Cause: filter.CausePanic}}, filter.Accept, filter.Clean, ""},

		{"unscanned is deferred", strict, findings{failedBy(filter.CauseTimeout, 0)}, filter.Defer, filter.Unscanned, ""},
		{"unscanned under the zero policy is deferred", filter.Policy{}, findings{failedBy(filter.CauseBroken, 0)}, filter.Defer, filter.Unscanned, ""},
		{"unscanned is accepted where that is written down", open, findings{failedBy(filter.CauseTimeout, 0)}, filter.Accept, filter.Unscanned, ""},
		{"busy is deferred", strict, findings{failedBy(filter.CauseBusy, 0)}, filter.Defer, filter.Busy, ""},
		{"busy is accepted where that is written down", open, findings{failedBy(filter.CauseBusy, 0)}, filter.Accept, filter.Busy, ""},
		{"failing open when busy is not failing open when broken", filter.Policy{OnBusy: filter.Accept}, findings{failedBy(filter.CauseBroken, 0)}, filter.Defer, filter.Unscanned, ""},
		{"failing open when broken is not failing open when busy", filter.Policy{OnScanFailure: filter.Accept}, findings{failedBy(filter.CauseBusy, 0)}, filter.Defer, filter.Busy, ""},
		{"a failure is never a reason to reject", filter.Policy{OnScanFailure: filter.Reject}, findings{failedBy(filter.CauseBroken, 0)}, filter.Defer, filter.Unscanned, ""},
		{"one answer is enough", strict, findings{failedBy(filter.CauseTimeout, 0), scored(10)}, filter.Reject, filter.Score, standard},
		{"busy and broken is broken", strict, findings{failedBy(filter.CauseBusy, 0), failedBy(filter.CauseBroken, 0)}, filter.Defer, filter.Unscanned, ""},
		{"broken and busy is broken", strict, findings{failedBy(filter.CauseBroken, 0), failedBy(filter.CauseBusy, 0)}, filter.Defer, filter.Unscanned, ""},
		{"busy and busy is busy", strict, findings{failedBy(filter.CauseBusy, 0), failedBy(filter.CauseBusy, 0)}, filter.Defer, filter.Busy, ""},
		{"blind for long enough is accepted", patient, findings{failedBy(filter.CauseUnreachable, long)}, filter.Accept, filter.Unscanned, ""},
		{"blind for not quite as long is deferred", patient, findings{failedBy(filter.CauseUnreachable, short)}, filter.Defer, filter.Unscanned, ""},
		{"blind counts from the source that answered last", patient, findings{failedBy(filter.CauseUnreachable, long), failedBy(filter.CauseTimeout, short)}, filter.Defer, filter.Unscanned, ""},
		{"without a limit nothing is blind for long enough", strict, findings{failedBy(filter.CauseUnreachable, 1000*time.Hour)}, filter.Defer, filter.Unscanned, ""},

		{"own mail is tagged at most", own, findings{scored(20)}, filter.Tag, filter.Score, ""},
		{"own mail is tagged at most on advice", own, findings{advice(filter.Reject, "virus")}, filter.Tag, filter.Advice, ""},
		{"own mail that a list refuses is deferred unscanned, too", own, findings{labelled(advice(filter.Reject, "no"), filter.Listed, "refuse_senders x"), failedBy(filter.CauseTimeout, 0)}, filter.Defer, filter.Unscanned, ""},
		{"own mail is deferred unscanned", own, findings{failedBy(filter.CauseTimeout, 0)}, filter.Defer, filter.Unscanned, ""},
		{"a signed message scanned in part is tagged at most", strict, findings{labelled(scored(20), filter.Truncated, filter.Signed)}, filter.Tag, filter.Score, ""},
		{"an unsigned message scanned in part is refused", strict, findings{labelled(scored(20), filter.Truncated)}, filter.Reject, filter.Score, standard},
		{"a signed message scanned whole is refused", strict, findings{labelled(scored(20), filter.Signed)}, filter.Reject, filter.Score, standard},
		{"a virus is refused, whatever spamd saw of the message", strict, findings{labelled(scored(0), filter.Truncated, filter.Signed), advice(filter.Reject, "virus")}, filter.Reject, filter.Advice, "virus"},

		{"observed spam is tagged", watch, findings{scored(20)}, filter.Tag, filter.Score, ""},
		{"observed failures are carried", watch, findings{failedBy(filter.CauseTimeout, 0)}, filter.Accept, filter.Unscanned, ""},
		{"observed clean mail is clean", watch, findings{scored(0)}, filter.Accept, filter.Clean, ""},
	} {
		t.Run(d.name, d.check)
	}
}

func TestObserveRecordsWhatItWouldHaveDone(t *testing.T) {
	for _, test := range []struct {
		name     string
		policy   filter.Policy
		findings []filter.Finding
		would    filter.Action
	}{
		{"refused", filter.Policy{RejectAt: 10}, []filter.Finding{scored(10)}, filter.Reject},
		{"deferred", filter.Policy{}, []filter.Finding{failedBy(filter.CauseBusy, 0)}, filter.Defer},
		{"tagged, by the cap for own mail", filter.Policy{RejectAt: 10, TagOnly: true}, []filter.Finding{scored(10)}, filter.Tag},
		{"accepted", filter.Policy{RejectAt: 10}, []filter.Finding{scored(0)}, filter.Accept},
	} {
		t.Run(test.name, func(t *testing.T) {
			if v := test.policy.Decide(test.findings); v.Would != test.would || v.Action != v.Would {
				t.Errorf("enforced: action %v, would %v", v.Action, v.Would)
			}
			test.policy.Mode = filter.Observe
			if v := test.policy.Decide(test.findings); v.Would != test.would || !v.Action.Passes() {
				t.Errorf("observed: action %v, would %v, want %v", v.Action, v.Would, test.would)
			}
		})
	}
}

func TestAVerdictCarriesItsLimits(t *testing.T) {
	p := filter.Policy{Name: "strict", RejectAt: 8, RejectText: "No, {id}{contact}", Contact: "; see https://example.org/{id}"}
	v := p.Decide([]filter.Finding{{Source: "x", Cause: filter.CauseBroken}, {Source: "y", Score: 9, Limit: 6.5}})
	if v.Policy != "strict" || v.Score != 9 || v.TagAt != 6.5 || v.RejectAt != 8 {
		t.Errorf("got %+v", v)
	}
	if v.Text != "No, {id}; see https://example.org/{id}" {
		t.Errorf("text %q", v.Text)
	}
}

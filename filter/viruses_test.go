package filter_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
)

const virusText = "Message refused: it contains Worm (ref {id})"

func worm() filter.Finding {
	return filter.Finding{
		Source: "clamd", Viruses: true, Advice: filter.Reject, Text: virusText + "{contact}",
		Rules: []filter.Rule{{Name: "Worm"}},
	}
}

func nothing() filter.Finding { return filter.Finding{Source: "clamd", Viruses: true} }

func blindTo(cause filter.Cause) filter.Finding {
	return filter.Finding{Source: "clamd", Viruses: true, Cause: cause, Blind: 1000 * time.Hour}
}

func TestVirusesAndSpamAreTwoQuestions(t *testing.T) {
	const spam = "Message refused: it looks like spam (ref {id})"
	strict := filter.Policy{RejectAt: 10}
	own := filter.Policy{RejectAt: 10, TagOnly: true}
	tags := filter.Policy{RejectAt: 10, TagViruses: true}
	watch := filter.Policy{RejectAt: 10, Mode: filter.Observe}
	spamOpen := filter.Policy{RejectAt: 10, OnScanFailure: filter.Accept, OnBusy: filter.Accept, BlindLimit: time.Hour}
	virusOpen := filter.Policy{RejectAt: 10, OnVirusScanFailure: filter.Accept}
	trusted := advice(filter.Accept, "")
	dead := failedBy(filter.CauseUnreachable, 0)
	for _, d := range []decision{
		{"a virus is refused", strict, findings{scored(0), worm()}, filter.Reject, filter.Virus, virusText},
		{"a virus in spam is refused as a virus", strict, findings{scored(20), worm()}, filter.Reject, filter.Virus, virusText},
		{"a virus in own mail is refused", own, findings{scored(0), worm()}, filter.Reject, filter.Virus, virusText},
		{"a virus from a client that is always accepted is refused", strict, findings{scored(0), worm(), trusted}, filter.Reject, filter.Virus, virusText},
		{"a virus is refused while spamd is down", strict, findings{dead, worm()}, filter.Reject, filter.Virus, virusText},
		{"a virus is refused without any spamd", strict, findings{worm()}, filter.Reject, filter.Virus, virusText},
		{"a virus waits while the policy is a guess", filter.Policy{RejectAt: 10, Unmapped: filter.Accept}, findings{scored(0), worm()}, filter.Defer, filter.Unmapped, ""},
		{"a virus is marked where that is written down", tags, findings{scored(0), worm()}, filter.Tag, filter.Virus, ""},
		{"so it is from a client that is always accepted", tags, findings{scored(0), worm(), trusted}, filter.Tag, filter.Virus, ""},
		{"spam is refused for its score, virus or not", tags, findings{scored(20), worm()}, filter.Reject, filter.Score, spam},
		{"a marked virus waits for spamd", tags, findings{dead, worm()}, filter.Defer, filter.Unscanned, ""},
		{"an observed virus is marked", watch, findings{scored(0), worm()}, filter.Tag, filter.Virus, ""},
		{"nothing found leaves it to the score", strict, findings{scored(6), nothing()}, filter.Tag, filter.Score, ""},
		{"nothing found is no score", strict, findings{nothing()}, filter.Accept, filter.Unscanned, ""},
		{"points of who looks for viruses do not count", strict, findings{scored(0), {Source: "clamd", Viruses: true, Score: 50}}, filter.Accept, filter.Clean, ""},

		{"clamd down defers clean mail", strict, findings{scored(0), blindTo(filter.CauseUnreachable)}, filter.Defer, filter.Unscanned, ""},
		{"clamd busy defers it as busy", strict, findings{scored(0), blindTo(filter.CauseBusy)}, filter.Defer, filter.Busy, ""},
		{"clamd down defers marked mail", strict, findings{scored(6), blindTo(filter.CauseTimeout)}, filter.Defer, filter.Unscanned, ""},
		{"clamd down defers own mail", own, findings{scored(20), blindTo(filter.CauseTimeout)}, filter.Defer, filter.Unscanned, ""},
		{"clamd down defers what a list accepts", strict, findings{scored(0), blindTo(filter.CauseTimeout), trusted}, filter.Defer, filter.Unscanned, ""},
		{"clamd down spares no spam", strict, findings{scored(20), blindTo(filter.CauseTimeout)}, filter.Reject, filter.Score, spam},
		{"failing open for spam is not failing open for viruses", spamOpen, findings{scored(0), blindTo(filter.CauseTimeout)}, filter.Defer, filter.Unscanned, ""},
		{"nor while both are down", spamOpen, findings{failedBy(filter.CauseTimeout, 2*time.Hour), blindTo(filter.CauseTimeout)}, filter.Defer, filter.Unscanned, ""},
		{"failing open for viruses is not failing open for spam", virusOpen, findings{dead, nothing()}, filter.Defer, filter.Unscanned, ""},
		{"nor while both are down, the other way round", virusOpen, findings{dead, blindTo(filter.CauseBusy)}, filter.Defer, filter.Unscanned, ""},
		{"clamd down is carried where that is written down, and is not clean", virusOpen, findings{scored(0), blindTo(filter.CauseTimeout)}, filter.Accept, filter.Unscanned, ""},
		{"busy likewise", virusOpen, findings{scored(0), blindTo(filter.CauseBusy)}, filter.Accept, filter.Busy, ""},
		{"and what spamd said is done", virusOpen, findings{scored(6), blindTo(filter.CauseTimeout)}, filter.Tag, filter.Score, ""},
		{"a failure is never a reason to refuse", filter.Policy{OnVirusScanFailure: filter.Reject}, findings{scored(0), blindTo(filter.CauseTimeout)}, filter.Defer, filter.Unscanned, ""},
		{"of two that look for viruses one answer is enough", strict, findings{scored(0), blindTo(filter.CauseTimeout), nothing()}, filter.Accept, filter.Clean, ""},
	} {
		t.Run(d.name, d.check)
	}
}

func TestFieldsTellOfViruses(t *testing.T) {
	open := filter.Policy{OnVirusScanFailure: filter.Accept, OnScanFailure: filter.Accept, TagViruses: true}
	silent := open
	silent.Headers = filter.HeadersNone
	for _, test := range []struct {
		name     string
		policy   filter.Policy
		findings []filter.Finding
		want     string
	}{
		{
			"a virus that is marked", open,
			[]filter.Finding{scored(0), worm()},
			"X-Spam-Flag: YES\nX-Spam-Score: 0.0\nX-Spam-Status: Yes, score=0.0 required=5.0 tests=Worm autolearn=unavailable version=unknown virus ref={id}\n",
		},
		{
			"clamd down", open,
			[]filter.Finding{scored(1), blindTo(filter.CauseTimeout)},
			"X-Spam-Score: 1.0\nX-Spam-Level: *\nX-Spam-Status: No, score=1.0 required=5.0 tests=none autolearn=unavailable version=unknown virus_unscanned=timeout ref={id}\n",
		},
		{
			"clamd down, where no fields are wanted", silent,
			[]filter.Finding{scored(1), blindTo(filter.CauseTimeout)},
			"X-Spam-Status: No, score=1.0 required=5.0 tests=none autolearn=unavailable version=unknown virus_unscanned=timeout ref={id}\n",
		},
		{
			"both down", open,
			[]filter.Finding{failedBy(filter.CauseBroken, 0), blindTo(filter.CauseTimeout)},
			"X-Spam-Status: No, score=0.0 required=5.0 tests=none autolearn=unavailable version=unknown unscanned=broken virus_unscanned=timeout ref={id}\n",
		},
		{
			"a virus, and spamd down", open,
			[]filter.Finding{failedBy(filter.CauseBroken, 0), worm()},
			"X-Spam-Flag: YES\nX-Spam-Score: 0.0\nX-Spam-Status: Yes, score=0.0 required=5.0 tests=Worm autolearn=unavailable version=unknown virus unscanned=broken ref={id}\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ""
			for _, f := range test.policy.Decide(test.findings).Fields {
				got += f.Name + ": " + f.Value + "\n"
			}
			if got != test.want {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
		})
	}
}

func TestAJudgeKnowsWhoLooksForViruses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		stuck := make(chan struct{})
		judge := filter.Judge{
			Scanners: []filter.Scanner{scanner{name: "spamd", after: time.Second, finding: worm()}},
			Viruses:  []filter.Scanner{scanner{name: "stuck", stuck: stuck}, scanner{name: "panics", panics: true}},
			Policies: filter.Policies{Default: filter.Policy{OnVirusScanFailure: filter.Accept}},
		}
		v := judge.Weigh(ctx, filter.Message{})
		for i, want := range []bool{false, true, true} { // whatever a source says of itself
			if got := v.Findings[i].Viruses; got != want {
				t.Errorf("%s looks for viruses: %v", v.Findings[i].Source, got)
			}
		}
		if v.Unsearched() != filter.CauseTimeout && v.Unsearched() != filter.CausePanic {
			t.Errorf("cause %q", v.Unsearched())
		}
		close(stuck)
	})
}

func TestTheOnlyScannerMayLookForViruses(t *testing.T) {
	judge := filter.Judge{Viruses: []filter.Scanner{scanner{name: "clamd", finding: worm()}}}
	if v := judge.Weigh(t.Context(), filter.Message{}); v.Action != filter.Reject || v.Reason != filter.Virus || v.Virus() != "Worm" {
		t.Errorf("got %v, %v, %q", v.Action, v.Reason, v.Virus())
	}
}

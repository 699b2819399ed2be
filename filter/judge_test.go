package filter_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
)

// scanner is a Scanner whose habits are fields.
type scanner struct {
	name    string
	after   time.Duration // of work
	deaf    bool          // goes on working when its context has ended
	late    time.Duration // to report that its context has ended
	stuck   chan struct{} // never answers before this is closed
	panics  bool
	finding filter.Finding
	err     error
}

func (s scanner) Name() string { return s.name }

func (s scanner) Scan(ctx context.Context, _ filter.Message) (filter.Finding, error) {
	if s.panics {
		panic("out of cheese")
	}
	if s.stuck != nil {
		<-s.stuck
	}
	ended := ctx.Done()
	if s.deaf {
		ended = nil
	}
	select {
	case <-time.After(s.after):
		return s.finding, s.err
	case <-ended:
		time.Sleep(s.late)
		return filter.Finding{Server: "127.0.0.1:783"}, fmt.Errorf("%s: %w", s.name, ctx.Err())
	}
}

// weigh asks the scanners within ten seconds of the bubble's time.
func weigh(t *testing.T, scanners ...filter.Scanner) (filter.Verdict, time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	start := time.Now()
	v := (&filter.Judge{Scanners: scanners, Policies: filter.Policies{Default: filter.Policy{RejectAt: 10}}}).Weigh(ctx, filter.Message{})
	if len(v.Findings) != len(scanners) {
		t.Fatalf("%d findings of %d scanners", len(v.Findings), len(scanners))
	}
	for i, s := range scanners {
		if v.Findings[i].Source != s.Name() {
			t.Errorf("finding %d is of %q, want %q", i, v.Findings[i].Source, s.Name())
		}
	}
	return v, time.Since(start)
}

func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name    string
		scanner scanner
		action  filter.Action
		cause   filter.Cause
		took    time.Duration
		err     string
	}{
		{"an answer is weighed", scanner{after: time.Second, finding: scored(12)}, filter.Reject, "", time.Second, ""},
		{"a plain error is a finding", scanner{err: errors.New("no such file")}, filter.Defer, filter.CauseOther, 0, "no such file"},
		{
			"a failure tells its cause, however deep it is wrapped",
			scanner{err: fmt.Errorf("scan: %w", &filter.Failure{Cause: filter.CauseUnreachable, Err: errors.New("refused")})},
			filter.Defer, filter.CauseUnreachable, 0, "scan: refused",
		},
		{"a failure without a cause is still one", scanner{err: &filter.Failure{Err: errors.New("oops")}}, filter.Defer, filter.CauseOther, 0, "oops"},
		{"a failure without an error is still one", scanner{err: &filter.Failure{Cause: filter.CauseBusy}}, filter.Defer, filter.CauseBusy, 0, "busy"},
		{"a score with an error is no score", scanner{finding: scored(20), err: errors.New("cut off")}, filter.Defer, filter.CauseOther, 0, "cut off"},
		{"a panic is a finding", scanner{panics: true}, filter.Defer, filter.CausePanic, 0, "out of cheese"},
		{"a score that is no number is no answer", scanner{finding: scored(math.NaN())}, filter.Defer, filter.CauseBroken, 0, "NaN"},
		{"an infinite score is no answer", scanner{finding: scored(math.Inf(-1))}, filter.Defer, filter.CauseBroken, 0, "Inf"},
		{"a limit that is no number is no answer", scanner{finding: filter.Finding{Limit: math.NaN()}}, filter.Defer, filter.CauseBroken, 0, "NaN"},
		{"the end of the clock is a timeout", scanner{after: time.Minute}, filter.Defer, filter.CauseTimeout, 10 * time.Second, "deadline exceeded"},
		{
			"a scanner has a moment to say what ended",
			scanner{after: time.Minute, late: 90 * time.Millisecond},
			filter.Defer, filter.CauseTimeout, 10090 * time.Millisecond, "deadline exceeded",
		},
		{
			"a scanner that ignores its clock is left behind",
			scanner{after: time.Minute, deaf: true, finding: scored(20)},
			filter.Defer, filter.CauseTimeout, 10100 * time.Millisecond, "said nothing",
		},
		{
			"an answer that comes in that moment still counts",
			scanner{after: 10050 * time.Millisecond, deaf: true, finding: scored(20)},
			filter.Reject, "", 10050 * time.Millisecond, "",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.scanner.name = "it"
				scanners := []filter.Scanner{test.scanner}
				if test.scanner.deaf { // a single one is trusted with its clock
					scanners = append(scanners, scanner{name: "other", err: &filter.Failure{Cause: filter.CauseTimeout}})
				}
				v, took := weigh(t, scanners...)
				f := v.Findings[0]
				if v.Action != test.action || f.Cause != test.cause || !strings.Contains(f.Err, test.err) {
					t.Errorf("got %v, cause %q, %q; want %v, %q, %q", v.Action, f.Cause, f.Err, test.action, test.cause, test.err)
				}
				if took != test.took || f.Took != test.took {
					t.Errorf("took %v, the finding says %v; want %v", took, f.Took, test.took)
				}
				time.Sleep(2 * time.Minute) // the bubble's: whoever was left behind ends
			})
		})
	}
}

func TestScannersWorkSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, took := weigh(t,
			scanner{name: "slow", after: 3 * time.Second, finding: filter.Finding{Score: 4}},
			scanner{name: "fast", after: time.Second, finding: filter.Finding{Score: 6, Source: "a liar"}},
			scanner{name: "broken", after: 2 * time.Second, err: errors.New("oops")})
		if took != 3*time.Second || v.Score != 10 || v.Action != filter.Reject {
			t.Errorf("took %v, score %v, %v", took, v.Score, v.Action)
		}
	})
}

func TestOneStuckScannerCostsOnlyItsOwnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		v, took := weigh(t,
			scanner{name: "stuck", stuck: stuck},
			scanner{name: "fast", after: time.Second, finding: scored(6)},
			scanner{name: "slow", after: time.Minute, late: 60 * time.Millisecond})
		if took != 10100*time.Millisecond || v.Action != filter.Tag {
			t.Errorf("took %v, %v", took, v.Action)
		}
		if c := v.Findings[0].Cause; c != filter.CauseTimeout {
			t.Errorf("the stuck one has cause %q", c)
		}
		close(stuck) // its answer goes nowhere, and holds no goroutine
	})
}

func TestAJudgeWhoseClientHasGoneSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			time.Sleep(time.Second)
			cancel()
		}()
		stuck := make(chan struct{})
		judge := filter.Judge{Scanners: []filter.Scanner{
			scanner{name: "listening", after: time.Minute}, scanner{name: "stuck", stuck: stuck},
		}}
		v := judge.Weigh(ctx, filter.Message{})
		for _, f := range v.Findings {
			if f.Cause != filter.CauseGone {
				t.Errorf("%s: cause %q", f.Source, f.Cause)
			}
		}
		close(stuck)
	})
}

func TestTheZeroJudgeAccepts(t *testing.T) {
	if v := (&filter.Judge{}).Weigh(t.Context(), filter.Message{}); v.Action != filter.Accept || v.Reason != filter.Unscanned {
		t.Errorf("got %+v", v)
	}
}

func TestAJudgeAppliesThePolicyOfTheEnvelope(t *testing.T) {
	judge := filter.Judge{
		Scanners: []filter.Scanner{scanner{name: "it", finding: scored(12)}},
		Policies: filter.Policies{Default: filter.Policy{RejectAt: 10}},
	}
	m := filter.Message{Envelope: filter.Envelope{Client: filter.Client{Local: true}}}
	if v := judge.Weigh(t.Context(), m); v.Action != filter.Tag || v.Policy != filter.OwnPolicy {
		t.Errorf("got %v under %q", v.Action, v.Policy)
	}
}

package filter_test

import (
	"encoding/json"
	"errors"
	"io"
	"testing"

	"proxyfilter/filter"
)

func TestActions(t *testing.T) {
	for _, test := range []struct {
		action filter.Action
		word   string
		passes bool
	}{
		{filter.Undecided, "undecided", false},
		{filter.Accept, "accept", true},
		{filter.Tag, "tag", true},
		{filter.Defer, "defer", false},
		{filter.Reject, "reject", false},
		{filter.Action(77), "undecided", false},
	} {
		t.Run(test.word, func(t *testing.T) {
			if test.action.String() != test.word || test.action.Passes() != test.passes {
				t.Errorf("%d is %q, passes %v", test.action, test.action, test.action.Passes())
			}
			if text, err := json.Marshal(test.action); err != nil || string(text) != `"`+test.word+`"` {
				t.Errorf("in a record %s, %v", text, err)
			}
			var back filter.Action
			if err := back.UnmarshalText([]byte(test.word)); err != nil || back.String() != test.word {
				t.Errorf("read back as %v, %v", back, err)
			}
		})
	}
	if zero := (filter.Verdict{}); zero.Action.Passes() {
		t.Error("a verdict that was forgotten passes mail")
	}
	if kept := filter.Reject; kept.UnmarshalText([]byte("Accept")) == nil || kept != filter.Reject {
		t.Errorf("a word that is none was read as %v", kept)
	}
}

func TestAFailureIsAnError(t *testing.T) {
	f := &filter.Failure{Cause: filter.CauseBroken, Err: io.ErrUnexpectedEOF}
	if !errors.Is(f, io.ErrUnexpectedEOF) || f.Error() != "unexpected EOF" {
		t.Errorf("got %v", f)
	}
	if empty := (&filter.Failure{Cause: filter.CauseBusy}); empty.Error() != "busy" || errors.Unwrap(empty) != nil {
		t.Errorf("got %v", empty)
	}
}

func TestLabels(t *testing.T) {
	f := filter.Finding{Labels: []string{filter.Signed}}
	if !f.HasLabel(filter.Signed) || f.HasLabel(filter.Truncated) || (&filter.Finding{}).HasLabel("") {
		t.Error("labels are mixed up")
	}
}

func TestUnscanned(t *testing.T) {
	for _, test := range []struct {
		name     string
		findings []filter.Finding
		want     filter.Cause
	}{
		{"nobody was asked", nil, ""},
		{"nobody answered", []filter.Finding{failedBy(filter.CauseTimeout, 0)}, filter.CauseTimeout},
		{"one answered", []filter.Finding{failedBy(filter.CauseTimeout, 0), scored(1)}, ""},
		{"not all were busy", []filter.Finding{failedBy(filter.CauseBusy, 0), failedBy(filter.CausePanic, 0)}, filter.CausePanic},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := (filter.Verdict{Findings: test.findings}).Unscanned(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestAnomalies(t *testing.T) {
	if (filter.Anomalies{}).Any() || !(filter.Anomalies{NUL: 1}).Any() {
		t.Error("odd and ordinary bytes are mixed up")
	}
}

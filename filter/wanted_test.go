package filter_test

import (
	"testing"

	"proxyfilter/filter"
)

func TestASenderIsConfirmedByWhatIsSaidOfTheEnvelope(t *testing.T) {
	for _, test := range []struct {
		name, rule string
		want       bool
	}{
		{"SPF allows the client to send for his domain", "SPF_PASS", true},
		{"his domain has signed", "DKIM_VALID_EF", true},
		{"SPF knows the client's name only", "SPF_HELO_PASS", false},
		{"some domain of the header's From has signed, and the envelope may name another", "DKIM_VALID_AU", false},
		{"anybody's signature", "DKIM_VALID", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := filter.Verdict{Findings: []filter.Finding{{Source: "spamd", Rules: []filter.Rule{{Name: "HTML_MESSAGE"}, {Name: test.rule}}}}}
			if got := v.SenderConfirmed(); got != test.want {
				t.Errorf("%t for %s", got, test.rule)
			}
		})
	}
}

func TestAnEmergencyIsNoScannersAnswer(t *testing.T) {
	v := filter.Verdict{Findings: []filter.Finding{
		{Source: "spamd", Cause: filter.CauseTimeout},
		filter.Suspension{By: filter.PanicName, Instead: filter.Defer}.Finding(),
	}}
	if v.Scanned() {
		t.Error("nobody has scanned it")
	}
}

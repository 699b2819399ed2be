package review_test

import (
	"testing"
	"time"

	"proxyfilter/filter/review"
)

// yellow are diagnoses of what is only shown, and of the gateway.
func yellow() []diagnosis {
	hashed := &patient{hashed: true}
	later := from("172.18.0.1")
	later.after = 10 * time.Second
	return []diagnosis{
		{"all clients are a gateway", new(patient).sees(50, from("172.18.0.1")), review.OneClient},
		{"all clients are a gateway, with IPv6", new(patient).sees(50, from("fd00::1")), review.OneClient},
		{"all clients are a gateway of a provider's network", new(patient).sees(50, from("100.64.0.1")), review.OneClient},
		{"all clients are a gateway, and it is too early to say", new(patient).sees(49, from("172.18.0.1")), silent},
		{"all clients are one public host", new(patient).sees(2000, from("203.0.113.7")), silent},
		{"all clients are this host", new(patient).sees(2000, from("127.0.0.1")), silent},
		{"all clients are users behind one router", new(patient).sees(2000, own(from("192.168.1.1"))), silent},
		{"users from elsewhere do not hide a gateway", new(patient).sees(50, own(usual())).sees(50, from("172.18.0.1")), review.OneClient},
		{"one other client has come", new(patient).sees(60, from("172.18.0.1")).sees(1, usual()), silent},
		{"a host inside sends a newsletter", new(patient).sees(1, usual()).sees(499, from("172.18.0.1")), silent},
		{"a host inside sends a long newsletter in little time", new(patient).sees(1, usual()).sees(360, later), silent},
		{"nobody else has come for long", new(patient).sees(1, usual()).sees(500, from("172.18.0.1")), review.OneClient},
		{"two gateways", regularlyFrom("172.18.0.", usual()), silent},
		{"clients whose addresses are cut", hashed.sees(2000, from("172.18.0.0")), silent},

		{"lists refuse, and addresses are cut", (&patient{hashed: true}).sees(20, with("URIBL_BLOCKED")), review.Blocked},

		{"a rule that matters hits all mail", new(patient).sees(200, with("FH_DATE_PAST_20XX=3.4")), review.CommonRule},
		{"a rule that matters hits all mail, and it is too early to say", new(patient).sees(199, with("FH_DATE_PAST_20XX=3.4")), silent},
		{"a rule that matters hits three quarters of mail", threeOfFour("FH_DATE_PAST_20XX=3.4"), silent},
		{"a rule in favour of mail hits all of it", new(patient).sees(200, with("RCVD_IN_DNSWL_HI=-5")), review.CommonRule},
		{"a rule that hits all mail does not matter", new(patient).sees(2000, with("HTML_MESSAGE=0.001 DKIM_SIGNED=0.1")), silent},
		{"the rule is gone", new(patient).sees(200, with("FH_DATE_PAST_20XX=3.4")).sees(200, usual()), silent},

		{"Bayes says nothing", new(patient).sees(500, without("BAYES_")), review.NoBayes},
		{"Bayes says nothing, and it is too early to say", new(patient).sees(499, without("BAYES_")), silent},
		{"Bayes speaks again", new(patient).sees(500, without("BAYES_")).sees(1, usual()), silent},

		{"the median score has jumped up", new(patient).sees(1000, scored(0.2)).sees(200, scored(3.3)), review.Shifted},
		{"the median score has jumped down", new(patient).sees(1000, scored(0.2)).sees(200, scored(-3)), review.Shifted},
		{"the median score has moved a little", new(patient).sees(1000, scored(0.2)).sees(200, scored(3.1)), silent},
		{"the median score has jumped, and nobody knows what is usual", new(patient).sees(800, scored(0.2)).sees(200, scored(9)), silent},
		{"a wave of spam is a minority", new(patient).sees(1000, scored(0.2)).sees(99, scored(30)).sees(101, scored(0.2)), silent},
		{"the median score has been there for long", new(patient).sees(1000, scored(0.2)).sees(2000, scored(5)), silent},
		{"the median score is back", new(patient).sees(1000, scored(0.2)).sees(200, scored(5)).sees(200, scored(0)), silent},
	}
}

func threeOfFour(rule string) *patient {
	p := &patient{}
	for range 100 {
		p.sees(3, with(rule)).sees(1, usual())
	}
	return p
}

func TestAReportTellsOfASpellThatIsOver(t *testing.T) {
	p, all := &patient{at: begun()}, []review.Stored{}
	for i := range 700 {
		l := usual()
		if i >= 100 && i < 150 {
			l = with("URIBL_BLOCKED")
		}
		p.n++
		p.at = p.at.Add(time.Minute)
		all = append(all, review.Stored{Record: l.record(p), Recipients: 1})
	}
	s := reported(all).Health
	if len(s) != 1 || s[0].Symptom != review.Blocked || s[0].Times != 1 || s[0].Until.Sub(s[0].Since) != 105*time.Minute {
		t.Errorf("%+v", s)
	}
	if s := reported(all[:140]).Health; len(s) != 1 || !s[0].Until.IsZero() {
		t.Errorf("%+v", s)
	}
}

func TestAColourIsReadAsItIsWritten(t *testing.T) {
	for _, want := range []review.Colour{review.Green, review.Yellow, review.Red} {
		text, err := want.MarshalText()
		var got review.Colour
		if err != nil || got.UnmarshalText(text) != nil || got != want {
			t.Errorf("%s became %v", text, got)
		}
	}
	var c review.Colour
	if c.UnmarshalText([]byte("blue")) == nil {
		t.Error("blue is a colour")
	}
}

package review_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"proxyfilter/filter"
	"proxyfilter/filter/review"
)

// letter is one message of many.
type letter struct {
	from  string // empty: a network of its own on the internet
	own   bool
	score float64
	rules string // with spaces between; "NAME=2.5" has points
	fault filter.Cause
	after time.Duration // since the one before; a minute if it is not said
	label string
}

// usual is mail as a server that is well has it.
func usual() letter { return letter{rules: "SPF_PASS BAYES_00=-1.9 DKIM_VALID=-0.1", score: 0.2} }

// patient is a watch, and the mail that it has seen.
type patient struct {
	review.Health
	at     time.Time
	n      int
	turns  []string
	hashed bool
}

func (p *patient) sees(n int, l letter) *patient {
	for range n {
		p.n++
		if l.after == 0 {
			l.after = time.Minute
		}
		if p.at.IsZero() {
			p.at = begun()
		}
		p.at = p.at.Add(l.after)
		for _, t := range p.Add(review.Stored{Record: l.record(p), Hashed: p.hashed, Recipients: 1}) {
			p.turns = append(p.turns, fmt.Sprintf("%s over=%t", t.Symptom, t.Over))
		}
	}
	return p
}

func (l letter) record(p *patient) *filter.Record {
	r := &filter.Record{Time: p.at}
	r.Envelope.Client.Addr = netip.AddrFrom4([4]byte{198, 51, byte(p.n), 7})
	if l.from != "" {
		r.Envelope.Client.Addr = netip.MustParseAddr(l.from)
	}
	r.Envelope.Client.Authenticated = l.own
	f := filter.Finding{Source: "spamd", Score: l.score, Cause: l.fault}
	if l.label != "" {
		f.Labels = []string{l.label}
	}
	for word := range strings.FieldsSeq(l.rules) {
		name, points, _ := strings.Cut(word, "=")
		rule := filter.Rule{Name: name}
		_, _ = fmt.Sscan(points, &rule.Points)
		f.Rules = append(f.Rules, rule)
	}
	r.Verdict = filter.Policy{RejectAt: 10}.Decide([]filter.Finding{f})
	return r
}

// with adds rules to usual mail.
func with(rules string) letter {
	l := usual()
	l.rules += " " + rules
	return l
}

// without takes a kind of rule away.
func without(prefix string) letter {
	l := usual()
	l.rules = strings.Join(slices.DeleteFunc(strings.Fields(l.rules), func(r string) bool { return strings.HasPrefix(r, prefix) }), " ")
	return l
}

func from(client string) letter {
	l := usual()
	l.from = client
	return l
}

func scored(score float64) letter {
	l := usual()
	l.score = score
	return l
}

const silent = review.Symptom("")

func TestScoresThatCannotBeTrusted(t *testing.T) {
	offline := letter{rules: "BAYES_00=-1.9 HTML_MESSAGE DKIM_SIGNED=0.1 T_SPF_TEMPERROR"}
	for _, test := range append([]diagnosis{
		{"mail of a server that is well says nothing", new(patient).sees(3000, usual()), silent},
		{"a fresh server with three messages says nothing", new(patient).sees(3, letter{rules: "ALL_TRUSTED URIBL_BLOCKED"}), silent},

		{"lists refuse this server in each message", new(patient).sees(20, with("URIBL_BLOCKED=0.001")), review.Blocked},
		{"lists refuse this server, and it is too early to say", new(patient).sees(19, with("URIBL_BLOCKED=0.001")), silent},
		{"a list refuses, and is not asked for a while, on a busy server", new(patient).sees(500, usual()).sees(1, with("RCVD_IN_ZEN_BLOCKED_OPENDNS=0.001")).
			sees(9, usual()).sees(1, with("FROM_FMBLA_NDBLOCKED=0.001")).sees(9, usual()).sees(1, with("SURBL_BLOCKED=0.001")), review.Blocked},
		{"a list has refused twice", new(patient).sees(500, usual()).sees(2, with("URIBL_BLOCKED=0.001")), silent},
		{"lists refuse, in mail of one sender", new(patient).sees(100, usual()).sees(50, letter{from: "203.0.113.7", rules: "URIBL_BLOCKED SPF_PASS BAYES_00"}), silent},
		{"lists refuse now and then", regularly(30, 60, with("URIBL_BLOCKED=0.001")), silent},
		{"lists refuse no more for an hour", new(patient).sees(20, with("URIBL_BLOCKED=0.001")).sees(61, usual()), silent},
		{"lists refuse no more, but nearly nothing has come since", new(patient).sees(20, with("URIBL_BLOCKED")).sees(10, letter{rules: "SPF_PASS BAYES_00", after: time.Hour}), review.Blocked},
		{"an administrator's own rule of such a name", new(patient).sees(500, with("LOCAL_SENDER_BLOCKED=20")), review.CommonRule},
		{"a list with a small quota", new(patient).sees(500, with("RCVD_IN_VALIDITY_RPBL_BLOCKED=0.001")), review.Limited},
		{"lists refuse, and only for own mail", new(patient).sees(500, own(with("URIBL_BLOCKED"))), silent},

		{"strangers count as own hosts", new(patient).sees(20, with("ALL_TRUSTED=-1")), review.AllTrusted},
		{"strangers count as own hosts, and it is too early to say", new(patient).sees(19, with("ALL_TRUSTED=-1")), silent},
		{"half of the strangers count as own hosts", regularly(50, 1, with("ALL_TRUSTED=-1")), review.AllTrusted},
		{"a third of the strangers count as own hosts", regularly(50, 2, with("ALL_TRUSTED=-1")), silent},
		{"one host outside is trusted on purpose, and sends most mail", new(patient).sees(30, letter{from: "203.0.113.7", rules: "ALL_TRUSTED SPF_PASS BAYES_00"}), silent},
		{"own users are trusted", new(patient).sees(500, own(with("ALL_TRUSTED=-1"))), silent},
		{"hosts inside are trusted", regularlyFrom("192.168.1.", with("ALL_TRUSTED=-1")), silent},
		{"strangers do not count as own hosts any more", new(patient).sees(200, with("ALL_TRUSTED=-0.5")).sees(51, usual()), silent},

		{"no rule asks the network", new(patient).sees(500, offline), review.NoNetwork},
		{"no rule asks the network, and it is too early to say", new(patient).sees(499, offline), silent},
		{"no rule asks the network, in mail of one sender", new(patient).sees(2000, letter{from: "203.0.113.7", rules: offline.rules}), silent},
		{"no rule asks the network, in own mail", new(patient).sees(2000, own(offline)), silent},
		{"no rule asks the network, and scanners do not answer", new(patient).sees(2000, letter{fault: filter.CauseTimeout}), silent},
		{"no rule asks the network, in mail that was not scanned again", new(patient).sees(2000, letter{rules: "HTML_MESSAGE", label: filter.Reused}), silent},
		{"the network answers again", new(patient).sees(600, offline).sees(1, usual()), silent},
	}, yellow()...) {
		t.Run(test.name, test.check)
	}
}

// diagnosis is a patient, and the one symptom that he should have.
type diagnosis struct {
	name string
	*patient
	want review.Symptom
}

func (d diagnosis) check(t *testing.T) {
	var got []review.Symptom
	for _, s := range d.Signs() {
		got = append(got, s.Symptom)
		if s.Since.Before(begun()) || s.Since.After(d.at) || s.Text == "" || s.Colour == review.Green {
			t.Errorf("%+v", s)
		}
	}
	if len(got) > 1 || len(got) == 1 && got[0] != d.want || len(got) == 0 && d.want != silent {
		t.Errorf("%q after %d messages, want %q; turns: %q", got, d.n, d.want, d.turns)
	}
}

func own(l letter) letter {
	l.own = true
	return l
}

// regularly has n times one message and some usual ones.
func regularly(n, between int, l letter) *patient {
	p := &patient{}
	for range n {
		p.sees(1, l).sees(between, usual())
	}
	return p
}

// regularlyFrom has messages of many hosts of one private network.
func regularlyFrom(network string, l letter) *patient {
	p := &patient{}
	for i := range 200 {
		l.from = fmt.Sprint(network, i)
		p.sees(1, l)
	}
	return p
}

func TestHealthNeverSpeaksOfFewMessages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &patient{}
		for range rapid.IntRange(0, 19).Draw(t, "messages") {
			p.sees(1, anyLetter(t))
		}
		if signs := p.Signs(); len(signs) > 0 {
			t.Fatalf("after %d messages: %+v", p.n, signs)
		}
	})
}

// anyLetter is mail from outside.
func anyLetter(t *rapid.T) letter {
	return letter{
		from:  rapid.SampledFrom([]string{"", "", "203.0.113.7", "172.18.0.1", "2001:db8::1", "fd00::1", "127.0.0.1"}).Draw(t, "from"),
		own:   rapid.Bool().Draw(t, "own"),
		score: rapid.Float64Range(-20, 40).Draw(t, "score"),
		rules: rapid.StringMatching(`((ALL_TRUSTED|URIBL_BLOCKED|SPF_PASS|BAYES_99=3.5|X=2) ){0,4}`).Draw(t, "rules"),
		after: time.Duration(rapid.IntRange(1, 7200).Draw(t, "after")) * time.Second,
	}
}

func TestOneSenderCannotTurnHealthRed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &patient{}
		for range rapid.IntRange(1, 12).Draw(t, "runs") {
			l := anyLetter(t)
			l.from, l.own = "203.0.113.7", false
			p.sees(rapid.IntRange(1, 800).Draw(t, "n"), l)
			p.sees(rapid.IntRange(0, 5).Draw(t, "others"), usual())
		}
		for _, turn := range p.turns {
			if symptom, _, _ := strings.Cut(turn, " "); review.Symptom(symptom).Colour() == review.Red {
				t.Fatal(p.turns)
			}
		}
	})
}

func TestHealthTurnsFromWhatItWasAndRecovers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &patient{}
		for range rapid.IntRange(0, 12).Draw(t, "runs") {
			p.sees(rapid.IntRange(1, 300).Draw(t, "n"), anyLetter(t))
		}
		lasting := map[string]bool{}
		for _, turn := range p.turns {
			symptom, over, _ := strings.Cut(turn, " over=")
			if lasting[symptom] != (over == "true") {
				t.Fatalf("%q: %s is told twice", p.turns, symptom)
			}
			lasting[symptom] = over != "true"
		}
		for _, s := range p.Signs() {
			if !lasting[string(s.Symptom)] {
				t.Fatalf("%s lasts, and no turn has told it: %q", s.Symptom, p.turns)
			}
		}
		if p.sees(4000, usual()); len(p.Signs()) > 0 {
			t.Fatalf("it does not recover from %+v", p.Signs())
		}
	})
}

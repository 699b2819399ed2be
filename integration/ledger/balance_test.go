package ledger

import (
	"errors"
	"strings"
	"testing"
	"time"

	"proxyfilter/integration/rig"
)

// page is one letter of a made-up run: when attempts began and ended is told in
// seconds, and an attempt without a code has heard nothing.
type page struct {
	letter   Letter
	attempts []Attempt
	copies   []Copy
	records  []Record
	kills    []Kill
	log      []string // of proxyfilter
}

func at(seconds int) time.Time { return time.Unix(int64(seconds), 0) }

func heard(helo string, began int, code int, text string) Attempt {
	a := Attempt{Helo: helo, Began: at(began), Ended: at(began + 5), Reply: rig.Reply{Code: code, Text: text}}
	if code == 0 {
		a.Err = errors.New("EOF")
	}
	return a
}

func arrived(helo, queueID, recipient string) Copy {
	return Copy{ID: "1@example.org", Helo: helo, QueueID: queueID, Recipient: recipient, Raw: []byte("Received: x\nhello\n")}
}

const (
	alice = "alice@example.net"
	ok    = "2.0.0 Ok: queued as Q2"
)

// double is a letter whose first attempt arrived as Q1, and whose second one was
// accepted as Q2 and arrived too.
func double(reply int, record *Record, kills ...Kill) page {
	p := page{
		attempts: []Attempt{heard("a1", 10, reply, "x"), heard("a2", 20, 250, ok)},
		copies:   []Copy{arrived("a1", "Q1", alice), arrived("a2", "Q2", alice)},
		kills:    kills,
	}
	if record != nil {
		record.Helo = "a1"
		p.records = []Record{*record}
	}
	return p
}

// unheard adds what proxyfilter says when Postfix has not heard it.
func unheard(p page) page {
	p.log = []string{`{"id":"REF","message":"the connection ended without QUIT: …"}`}
	return p
}

func killed(daemon string, when int) Kill { return Kill{Daemon: daemon, At: at(when)} }

func TestBalance(t *testing.T) {
	lost := &Record{Reason: "hop-lost", Err: "after the final dot: EOF"}
	taken := &Record{ID: "REF", Reason: "clean", QueueID: "Q1"}
	for _, test := range []struct {
		name string
		page page
		want Figures
		why  string // in the first finding
	}{
		{
			"accepted and there",
			page{attempts: []Attempt{heard("a1", 10, 250, ok)}, copies: []Copy{arrived("a1", "Q2", alice)}},
			Figures{Attempts: 1, Accepted: 1},
			"",
		},
		{
			"accepted and not there is lost",
			page{attempts: []Attempt{heard("a1", 10, 250, ok)}},
			Figures{Attempts: 1, Accepted: 1, Lost: 1},
			"did not arrive for alice",
		},
		{"accepted and there for one of two is lost", page{
			letter:   Letter{Letter: rig.Letter{To: []string{alice, "bob@example.net"}}},
			attempts: []Attempt{heard("a1", 10, 250, ok)}, copies: []Copy{arrived("a1", "Q2", alice)},
		}, Figures{Attempts: 1, Accepted: 1, Lost: 1}, "did not arrive for bob"},
		{"changed on its way", page{
			letter:   Letter{Letter: rig.Letter{Content: []byte("hallo\r\n")}},
			attempts: []Attempt{heard("a1", 10, 250, ok)}, copies: []Copy{arrived("a1", "Q2", alice)},
		}, Figures{Attempts: 1, Accepted: 1, Damaged: 1}, "changed"},
		{
			"refused and nowhere",
			page{letter: Letter{Refused: true}, attempts: []Attempt{heard("a1", 10, 550, "no")}},
			Figures{Attempts: 1, Refused: 1},
			"",
		},
		{"refused and there", page{
			letter: Letter{Refused: true}, attempts: []Attempt{heard("a1", 10, 550, "no")}, copies: []Copy{arrived("a1", "Q2", alice)},
		}, Figures{Attempts: 1, Refused: 1, LetIn: 1}, "refused, and arrived"},
		{"accepted although it was to be refused", page{
			letter: Letter{Refused: true}, attempts: []Attempt{heard("a1", 10, 250, ok)}, copies: []Copy{arrived("a1", "Q2", alice)},
		}, Figures{Attempts: 1, Accepted: 1, Misjudged: 1}, "was to be refused"},
		{
			"refused without a reason",
			page{attempts: []Attempt{heard("a1", 10, 550, "no")}},
			Figures{Attempts: 1, Refused: 1, Misjudged: 1},
			"without a reason",
		},
		{
			"given up and there",
			page{attempts: []Attempt{heard("a1", 10, 451, "x")}, copies: []Copy{arrived("a1", "Q1", alice)}},
			Figures{Attempts: 1, Deferred: 1, LetIn: 1},
			"deferred to the end",
		},
		{
			"never answered",
			page{attempts: []Attempt{heard("a1", 10, 0, "")}},
			Figures{Attempts: 1, Undecided: 1},
			"nobody has decided",
		},
		{
			"abandoned and nowhere",
			page{letter: Letter{Abandoned: true}, attempts: []Attempt{heard("a1", 10, 0, "")}},
			Figures{Attempts: 1, Abandoned: 1},
			"",
		},
		{"abandoned and there", page{
			letter: Letter{Abandoned: true}, attempts: []Attempt{heard("a1", 10, 0, "")}, copies: []Copy{arrived("a1", "Q2", alice)},
		}, Figures{Attempts: 1, Abandoned: 1, LetIn: 1}, "hung up"},
		{"one queue id twice is the next hop's own doing", page{
			attempts: []Attempt{heard("a1", 10, 250, ok)}, copies: []Copy{arrived("a1", "Q2", alice), arrived("a1", "Q2", alice)},
		}, Figures{Attempts: 1, Accepted: 1, Redelivered: 1}, ""},
		{"the retry was answered from memory", page{
			attempts: []Attempt{heard("a1", 10, 0, ""), heard("a2", 20, 250, "2.0.0 Ok: queued as Q1")}, copies: []Copy{arrived("a1", "Q1", alice)},
			records: []Record{{Helo: "a2", Action: "accept", Reason: "duplicate"}},
		}, Figures{Attempts: 2, Accepted: 1, Prevented: 1}, ""},
		{
			"double: the next hop was killed before it answered", double(451, lost, killed("A", 12)),
			Figures{Attempts: 2, Accepted: 1, Explained: 1},
			"A was killed",
		},
		{
			"double: the next hop was killed at another time", double(451, lost, killed("A", 16)),
			Figures{Attempts: 2, Accepted: 1, Needless: 1},
			"nothing explains",
		},
		{
			"double: the next hop's answer was lost and nobody was killed", double(451, lost),
			Figures{Attempts: 2, Accepted: 1, Needless: 1},
			"nothing explains",
		},
		{
			"double: proxyfilter was killed before its record", double(451, nil, killed("proxyfilter", 12)),
			Figures{Attempts: 2, Accepted: 1, Explained: 1},
			"before its record",
		},
		{
			"double: no record, and proxyfilter was not killed", double(451, nil, killed("spamd", 12)),
			Figures{Attempts: 2, Accepted: 1, Needless: 1},
			"nothing explains",
		},
		{
			"double: proxyfilter was killed after its record", double(451, taken, killed("proxyfilter", 12)),
			Figures{Attempts: 2, Accepted: 1, Explained: 1},
			"after its record",
		},
		{
			"double: Postfix was killed after its QUIT", double(0, taken, killed("P", 12)),
			Figures{Attempts: 2, Accepted: 1, Explained: 1},
			"after its QUIT",
		},
		{
			"double: proxyfilter knew that Postfix had not heard", unheard(double(0, taken, killed("P", 12))),
			Figures{Attempts: 2, Accepted: 1, Needless: 1},
			"nothing explains",
		},
		{
			"double: proxyfilter knew, and was killed at once",
			unheard(double(0, taken, killed("P", 12), Kill{Daemon: "proxyfilter", At: at(15).Add(stored / 2)})),
			Figures{Attempts: 2, Accepted: 1, Explained: 1},
			"before it had stored",
		},
		{
			"double: the client was told", double(250, taken, killed("proxyfilter", 12)),
			Figures{Attempts: 2, Accepted: 1, Needless: 1},
			"nothing explains",
		},
		{"double: from an attempt that nobody made", page{
			attempts: []Attempt{heard("a2", 20, 250, ok)}, copies: []Copy{arrived("a9", "Q1", alice), arrived("a2", "Q2", alice)},
		}, Figures{Attempts: 1, Accepted: 1, Needless: 1}, "nothing explains"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.want.Letters = 1
			figures, faults, explained := Balance(test.page.evidence())
			if figures != test.want {
				t.Errorf("got  %+v\nwant %+v", figures, test.want)
			}
			if all := append(faults, explained...); test.why == "" && len(all) > 0 || test.why != "" && (len(all) != 1 || !strings.Contains(all[0].What, test.why)) {
				t.Errorf("findings %v, want %q", all, test.why)
			}
		})
	}
}

func (p page) evidence() Evidence {
	l := &p.letter
	l.ID, l.Number = "1@example.org", 1
	if l.To == nil {
		l.To = []string{alice}
	}
	if l.Content == nil {
		l.Content = []byte("hello\r\n")
	}
	book := &Book{}
	book.Enter(l)
	for _, a := range p.attempts {
		a.Letter = l
		book.Add(a)
	}
	return Evidence{Book: book, Copies: p.copies, Records: p.records, Kills: p.kills, Filter: p.log}
}

func TestAFindingTellsTheWholeStory(t *testing.T) {
	p := double(451, &Record{ID: "REF", QueueID: "Q1", Line: "the record"}, killed("P", 12), killed("P", 99))
	e := p.evidence()
	e.Filter = []string{"REF has more to say"}
	e.NextHop = []string{"smtpd: Q1: client=x, orig_queue_id=REF", "qmgr: Q1: removed", "qmgr: Q9: removed"}
	_, faults, explained := Balance(e)
	all := append(faults, explained...)
	if len(all) != 1 {
		t.Fatal(all)
	}
	for _, want := range []string{"a1 ", "451 x", "the record", "REF has more", "orig_queue_id=REF", "Q1: removed", "kill 0", "arrived as Q1", "arrived as Q2"} {
		if !strings.Contains(all[0].String(), want) {
			t.Errorf("no %q in\n%s", want, all[0])
		}
	}
	if strings.Contains(all[0].String(), "Q9") || strings.Count(all[0].String(), "kill 0") != 1 {
		t.Errorf("strange lines in\n%s", all[0])
	}
}

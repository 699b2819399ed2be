package ledger

import (
	"bytes"
	"testing"

	"proxyfilter/integration/rig"
)

func TestTheSameSeedMakesTheSameLetters(t *testing.T) {
	c := Corpus{Seed: 7, Refusing: "no@example.net", Deferring: "later@example.net"}
	refused, given := 0, 0
	for n := range 100 {
		a, b := c.Letter(n), c.Letter(n)
		if a.ID != b.ID || !bytes.Equal(body(a), body(b)) {
			t.Fatalf("letter %d differs from itself", n)
		}
		if !bytes.HasSuffix(a.Content, []byte("\r\n")) || bytes.Contains(a.Content, []byte("\n\n")) {
			t.Errorf("letter %d has odd line ends", n)
		}
		if a.Refused {
			refused++
		}
		if a.Tries > 0 {
			given++
		}
	}
	if refused != 23 || given != 2 {
		t.Errorf("of a hundred, %d are to be refused and %d to be given up", refused, given)
	}
}

// body leaves the header out, which has the time.
func body(l Letter) []byte {
	_, b, _ := bytes.Cut(l.Content, []byte("\r\n\r\n"))
	return b
}

func TestACopyTellsWhereItCameFrom(t *testing.T) {
	raw := "Return-Path: <carol@example.org>\nX-Original-To: alice@example.net\n" +
		"Received: from mx.example.net (unknown [127.0.0.1])\n\tby mx.example.net (Postfix) with ESMTP id 4jZltt4tbDz1Wbhj\n\tfor <alice@example.net>; now\n" +
		"X-Spam-Score: 0\nReceived: from l15-a9.example.org (unknown [127.0.0.2])\n\tby mx.example.net (Postfix) with ESMTP\n\tfor <alice@example.net>; now\n" +
		"Message-ID: <15.f@example.org>\n\nbody of l9-a9.example.org\n"
	got := Copies([]rig.Mail{{Recipient: "alice@example.net", Raw: []byte(raw)}})[0]
	if got.ID != "15.f@example.org" || got.Helo != "l15-a9.example.org" || got.QueueID != "4jZltt4tbDz1Wbhj" {
		t.Errorf("got %+v", got)
	}
}

func TestRecordsAreTheLinesWithAnAction(t *testing.T) {
	got := Records([]string{
		`{"level":"info","id":"REF","helo":"l1-a1.example.org","action":"accept","reason":"clean","queue_id":"Q1","delays":{"waited":0.25}}`,
		`{"level":"info","message":"listening"}`, `no JSON "action":`,
	})
	if len(got) != 1 || got[0].ID != "REF" || got[0].QueueID != "Q1" || got[0].Delays.Waited != 0.25 {
		t.Errorf("got %+v", got)
	}
}

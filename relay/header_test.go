package relay

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"

	"proxyfilter/filter"
)

func TestHeader(t *testing.T) {
	reader := bufio.NewReaderSize(nil, 16) // lines longer than the buffer are the rule
	for _, tc := range []struct{ name, in, carried string }{
		{"nothing forged", "A: b\r\n\r\nX-Spam-Flag: YES\r\n", "A: b\r\n\r\nX-Spam-Flag: YES\r\n"},
		{"forged at the top", "X-Spam-Flag: NO\r\nA: b\r\n\r\nx\r\n", "A: b\r\n\r\nx\r\n"},
		{"forged in the middle, folded, in any case", "A: b\r\nx-sPam-STATUS: No,\r\n\tscore=0\r\n more\r\nC: d\r\n\r\nx", "A: b\r\nC: d\r\n\r\nx"},
		{"several, also at the end without a body", "X-Spam-Score: 1\r\nA: b\r\nX-Spam-Level : *\r\nX-Spam-Report: long long long long\r\n", "A: b\r\n"},
		{"names that only begin alike stay", "X-Spam-Flagged: x\r\nX-Spam-: y\r\nX-Spam-Relay: z\r\n\r\n", "X-Spam-Flagged: x\r\nX-Spam-: y\r\nX-Spam-Relay: z\r\n\r\n"},
		{"the header ends at a line that is no field", "A: b\r\nno field\r\nX-Spam-Flag: NO\r\n", "A: b\r\nno field\r\nX-Spam-Flag: NO\r\n"},
		{"a continuation at the very start is content", " x\r\nX-Spam-Flag: NO\r\n", " x\r\nX-Spam-Flag: NO\r\n"},
		{"an empty message", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			content := strings.NewReader(tc.in)
			h := readHeader(content, reader, Own{})
			got, err := io.ReadAll(carried([]byte("Ours: 1\r\n"), h.forged, content))
			if err != nil || string(got) != "Ours: 1\r\n"+tc.carried {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestForgedFieldsAreBounded(t *testing.T) {
	h := readHeader(strings.NewReader(strings.Repeat("X-Spam-Flag:\r\na:\r\n", 100000)), bufio.NewReader(nil), Own{})
	if len(h.forged) != maxForged+1 {
		t.Errorf("%d spans are kept", len(h.forged))
	}
	h = readHeader(strings.NewReader(strings.Repeat("X-Spam-Flag:\r\n", 100000)), bufio.NewReader(nil), Own{})
	if len(h.forged) != 1 {
		t.Errorf("%d spans for neighbours", len(h.forged))
	}
}

func TestAuthenticated(t *testing.T) {
	const from = "Received: from x (x [192.0.2.1])\r\n"
	for _, tc := range []struct {
		name, received string
		want           bool
	}{
		{"ESMTPA", from + "\tby mx (Postfix) with ESMTPA\r\n\tfor <a@b>; date\r\n", true},
		{"ESMTPSA", from + "\t(using TLSv1.3)\r\n\t(Authenticated sender: u)\r\n\tby mx (Postfix) with ESMTPSA id x; date\r\n", true},
		{"with SMTPUTF8", from + "\tby mx (Postfix) with UTF8SMTPSA\r\n", true},
		{"a hidden client session", "Received: by mx (Postfix) with ESMTPSA\r\n\t; date\r\n", true},
		{"another mail_name", from + "\tby mx (Our Mail) with ESMTPA\r\n", true},
		{"ESMTP", from + "\tby mx (Postfix) with ESMTP\r\n", false},
		{"ESMTPS", from + "\tby mx (Postfix) with ESMTPS\r\n", false},
		{"a HELO name that claims it", "Received: from by mx (Postfix) with ESMTPA x (x [192.0.2.1])\r\n\tby mx (Postfix) with ESMTP\r\n", false},
		{"a certificate that claims it", from + "\t(Client CN \"by x (y) with ESMTPA\")\r\n\tby mx (Postfix) with ESMTPS\r\n", false},
		{"no Received at all", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := readHeader(strings.NewReader(tc.received+"\r\nx"), bufio.NewReader(nil), Own{})
			if h.authenticated != tc.want {
				t.Errorf("got %v", h.authenticated)
			}
		})
	}
	t.Run("only the topmost Received counts", func(t *testing.T) {
		second := from + "\tby mx (Postfix) with ESMTP\r\n" + from + "\tby evil (Postfix) with ESMTPA\r\n\r\n"
		if readHeader(strings.NewReader(second), bufio.NewReader(nil), Own{}).authenticated {
			t.Error("the client's own Received was believed")
		}
	})
}

func TestHeaderForRecords(t *testing.T) {
	in := "From: =?utf-8?q?J=C3=B6rg?= <j@x>\r\nSubject: =?broken\r\nMessage-ID:\r\n <1@x>\r\n\r\n"
	h := readHeader(strings.NewReader(in), bufio.NewReader(nil), Own{})
	if h.from != "Jörg <j@x>" || h.subject != "=?broken" || h.messageID != "<1@x>" {
		t.Errorf("%+v", h)
	}
	long := readHeader(strings.NewReader("Subject: "+strings.Repeat("ü", 5000)+"\r\n\r\n"), bufio.NewReader(nil), Own{})
	if len(long.subject) > 200 {
		t.Errorf("subject has %d bytes", len(long.subject))
	}
}

func TestPrintFields(t *testing.T) {
	got := string(printFields([]filter.Field{
		{Name: "X-Spam-Flag", Value: "YES"},
		{Name: "X-Spam-Status", Value: "Yes, score=7 tests=" + strings.Repeat("RULE_NAME, ", 30) + "LAST ref={id}"},
	}, "1JD3K8M7Q2XA"))
	if !strings.HasPrefix(got, "X-Spam-Flag: YES\r\nX-Spam-Status: Yes,") || !strings.HasSuffix(got, "ref=1JD3K8M7Q2XA\r\n") {
		t.Errorf("%q", got)
	}
	for _, line := range strings.Split(strings.TrimSuffix(got, "\r\n"), "\r\n") {
		if len(line) > 80 {
			t.Errorf("a line of %d bytes is not folded", len(line))
		}
	}
	if got := printFields([]filter.Field{{Name: "X-Spam-Status", Value: "a\r\nInjected: b"}}, ""); len(got) != 0 {
		t.Errorf("a line break was printed: %q", got)
	}
	if got := string(printFields([]filter.Field{{Name: "A", Value: "x\ny"}, {Name: "X-Spam-Flag", Value: "YES"}}, "")); got != "X-Spam-Flag: YES\r\n" {
		t.Errorf("one bad field took others with it: %q", got)
	}
	if got := printFields(nil, ""); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// What SpamAssassin 4.0.1 itself has written for a message with these tests.
func TestFieldsAreFoldedAsSpamAssassinFoldsThem(t *testing.T) {
	const want = "X-Spam-Status: Yes, score=1005.8 required=5.0 tests=DRUGS_ERECTILE,\r\n" +
		"\tDRUG_ED_CAPS,GTUBE,MISSING_MID,NORMAL_HTTP_TO_IP,NO_RECEIVED,NO_RELAYS,\r\n" +
		"\tSUBJ_ALL_CAPS autolearn=no autolearn_force=no version=4.0.1\r\n"
	got := printFields([]filter.Field{{Name: "X-Spam-Status", Value: "Yes, score=1005.8 required=5.0 tests=DRUGS_ERECTILE," +
		"DRUG_ED_CAPS,GTUBE,MISSING_MID,NORMAL_HTTP_TO_IP,NO_RECEIVED,NO_RELAYS,SUBJ_ALL_CAPS autolearn=no autolearn_force=no version=4.0.1"}}, "")
	if string(got) != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	long := printFields([]filter.Field{{Name: "X-Long", Value: strings.Repeat("x", 5000)}}, "")
	for line := range bytes.Lines(long) {
		if len(line) > 1000 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
}

// Whatever a message looks like, the header is read to some end, what is left
// has none of the forged fields in its header, and nothing else is missing. What is
// longer than the reader's buffer before its colon is no field, so both are alike.
func FuzzHeader(f *testing.F) {
	f.Add("X-Spam-Flag: YES\r\n y\r\nReceived: x\r\n\r\nbody")
	f.Add("A:\r\nX-Spam-Level\t: *\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		in = strings.ReplaceAll(strings.ReplaceAll(in, "\r", ""), "\n", "\r\n")
		content := strings.NewReader(in)
		h := readHeader(content, bufio.NewReaderSize(nil, 64), Own{})
		var cut int64
		for _, s := range h.forged {
			cut += s.to - s.from
		}
		rest, err := io.ReadAll(carried(nil, h.forged, content))
		if err != nil || int64(len(rest)) != int64(len(in))-cut {
			t.Fatalf("%d of %d bytes, %d cut, %v", len(rest), len(in), cut, err)
		}
		if again := readHeader(strings.NewReader(string(rest)), bufio.NewReaderSize(nil, 64), Own{}); len(again.forged) > 0 && !strings.HasPrefix(string(rest), " ") {
			t.Fatalf("forged fields are left in %q", rest)
		}
	})
}

func TestWhatPostfixWroteOnTopIsKnown(t *testing.T) {
	const ours = "Received: from x (x [192.0.2.1])\r\n\tby mx (Postfix) with ESMTP; date\r\n"
	for _, tc := range []struct {
		name, above, below string
		distinct           bool
	}{
		{"as usual", ours, "Message-ID: <1@x>\r\nDate: today\r\n\r\nx", true},
		{"with fields that access(5) prepends", "X-Seen: 1\r\nReceived-SPF: none\r\n" + ours, "Date: today\r\nMessage-ID: <1@x>\r\n\r\nx", true},
		{"Received fields of others stay", ours, "Received: from y\r\n by x\r\nMessage-ID: <1@x>\r\n\r\n", false},
		{"nothing else", ours, "", false},
		{"no field behind it", ours, "\r\nDate: no\r\nMessage-ID: <no>\r\n", false},
		{"an empty Message-ID", ours, "Message-ID: \r\nDate: today\r\n", false},
		{"no Received at all", "", "Date: today\r\n\r\nReceived: x\r\n", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := readHeader(strings.NewReader(tc.above+tc.below), bufio.NewReaderSize(nil, 16), Own{})
			if h.below != int64(len(tc.above)) || h.distinct() != tc.distinct {
				t.Errorf("below %d, want %d; distinct %v", h.below, len(tc.above), h.distinct())
			}
		})
	}
}

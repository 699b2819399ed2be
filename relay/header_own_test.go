package relay

import (
	"bufio"
	"io"
	"strings"
	"testing"

	"proxyfilter/filter"
)

const postfixWrote = "Received: from x (x [192.0.2.1])\r\n\tby mx (Postfix) with ESMTP; date\r\n"

func TestAuthenticationResultsOfOurNameAreRemoved(t *testing.T) {
	own := Own{AuthServ: "mx.example.org"}
	for _, tc := range []struct {
		name, field string
		stays       bool
	}{
		{"our name", "Authentication-Results: mx.example.org; dkim=pass\r\n", false},
		{"in any case, with a version and a final dot", "authentication-RESULTS : MX.example.ORG. 1; none\r\n", false},
		{"folded in front of the name", "Authentication-Results:\r\n\tmx.example.org;\r\n\tspf=pass\r\n", false},
		{"behind comments", "Authentication-Results: (a (b\\)) c) mx.example.org(x); none\r\n", false},
		{"in quotation marks", "Authentication-Results: \"mx.exa\\mple.org\"; none\r\n", false},
		{"with nothing behind it", "Authentication-Results: mx.example.org\r\n", false},
		{"a name that cannot be read: a comment without an end", "Authentication-Results: (a; other.example; none\r\n", false},
		{"a name that cannot be read: none", "Authentication-Results: ; dkim=pass\r\n", false},
		{"a name behind a comment that is too long", "Authentication-Results: (" + strings.Repeat("x", 5000) + "\r\n ) mx.example.org; none\r\n", false},
		{"a long comment, and another name where ours is expected", "Authentication-Results: (" + strings.Repeat("x", 4000) + "\r\n " + strings.Repeat("y", 200) + ") mx.example.org; (\r\n ) a.example; none\r\n", false},
		{"another name", "Authentication-Results: mail.example.org; dkim=pass\r\n", true},
		{"a name that ours ends", "Authentication-Results: not-mx.example.org; x\r\n", true},
		{"our name in a comment", "Authentication-Results: (mx.example.org) a.example; x\r\n", true},
		{"another field", "ARC-Authentication-Results: i=1; mx.example.org; x\r\n", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, size := range []int{32, 4096} {
				in := "A: b\r\n" + postfixWrote + "B: c\r\n" + tc.field + "X-Spam-Flag: NO\r\nC: d\r\n\r\nbody"
				want := strings.Replace(in, "X-Spam-Flag: NO\r\n", "", 1)
				if !tc.stays {
					want = strings.Replace(want, tc.field, "", 1)
				}
				content := strings.NewReader(in)
				h := readHeader(content, bufio.NewReaderSize(nil, size), own)
				if got, _ := io.ReadAll(carried(nil, h.forged, content)); string(got) != want {
					t.Errorf("got %.200q, want %.200q", got, want)
				}
			}
		})
	}
	t.Run("what Postfix has prepended stays", func(t *testing.T) {
		in := "Authentication-Results: mx.example.org; spf=pass\r\n" + postfixWrote + "\r\n"
		if h := readHeader(strings.NewReader(in), bufio.NewReader(nil), own); len(h.forged) != 0 {
			t.Errorf("%+v", h.forged)
		}
	})
	t.Run("without a name of ours all stay", func(t *testing.T) {
		in := postfixWrote + "Authentication-Results: mx.example.org; spf=pass\r\n\r\n"
		if h := readHeader(strings.NewReader(in), bufio.NewReader(nil), Own{}); len(h.forged) != 0 {
			t.Errorf("%+v", h.forged)
		}
	})
}

func TestFieldsThatOnlyAPolicyWritesAreRemoved(t *testing.T) {
	in := postfixWrote + "x-our-SCORE: -100\r\n\tfolded\r\nX-Our-Scores: 1\r\n\r\nX-Our-Score: body\r\n"
	h := readHeader(strings.NewReader(in), bufio.NewReader(nil), Own{Fields: []string{"X-Our-Score"}})
	got, _ := io.ReadAll(carried(nil, h.forged, strings.NewReader(in)))
	if want := strings.Replace(in, "x-our-SCORE: -100\r\n\tfolded\r\n", "", 1); string(got) != want {
		t.Errorf("got %q", got)
	}
}

func TestSubjectPrefix(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"in front of the text", "A: b\r\nSubject: hello\r\n\r\nSubject: body", "A: b\r\nSubject: [SPAM] hello\r\n\r\nSubject: body"},
		{"without a blank behind the colon", "subject:hello\r\n\r\n", "subject: [SPAM] hello\r\n\r\n"},
		{"a folded one", "Subject:\r\n hello\r\n\r\n", "Subject: [SPAM]\r\n hello\r\n\r\n"},
		{"an empty one", "Subject:\r\n\r\n", "Subject: [SPAM]\r\n\r\n"},
		{"an encoded one", "Subject: =?utf-8?q?J=C3=B6rg?=\r\n\r\n", "Subject: [SPAM] =?utf-8?q?J=C3=B6rg?=\r\n\r\n"},
		{"only the first of two", "Subject: a\r\nSubject: b\r\n\r\n", "Subject: [SPAM] a\r\nSubject: b\r\n\r\n"},
		{"between forged fields", "X-Spam-Flag: a\r\nSubject: a\r\nX-Spam-Flag: b\r\n\r\n", "Subject: [SPAM] a\r\n\r\n"},
		{"none: it comes on top", "A: b\r\n\r\n", "Subject: [SPAM]\r\nA: b\r\n\r\n"},
		{"one that has it already", "Subject: [SPAM] a\r\n\r\n", "Subject: [SPAM] a\r\n\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			content := strings.NewReader(tc.in)
			h := readHeader(content, bufio.NewReaderSize(nil, 16), Own{})
			before := len(h.forged)
			fields, changes := h.marked(&filter.Verdict{SubjectPrefix: "[SPAM]"})
			got, err := io.ReadAll(carried(printFields(fields, ""), changes, content))
			if err != nil || string(got) != tc.want {
				t.Errorf("got %q, want %q (%v)", got, tc.want, err)
			}
			if len(h.forged) != before {
				t.Error("the header itself was changed")
			}
		})
	}
	t.Run("a policy without one changes nothing", func(t *testing.T) {
		h := readHeader(strings.NewReader("Subject: a\r\n\r\n"), bufio.NewReader(nil), Own{})
		if fields, changes := h.marked(&filter.Verdict{}); len(fields)+len(changes) > 0 {
			t.Errorf("%v %v", fields, changes)
		}
	})
}

// Whoever reads the name as RFC 8601 writes it finds no field of ours left.
func FuzzAuthServ(f *testing.F) {
	f.Add("mx.example.org; none")
	f.Add(" (a(b)\\)) \"mx.\\e\" ;")
	f.Fuzz(func(t *testing.T, value string) {
		name := authServ([]byte(value))
		if again := authServ([]byte(" (c) " + value)); again != name {
			t.Errorf("%q behind a comment, %q without", again, name)
		}
		if len(name) > len(value) {
			t.Errorf("%q of %q", name, value)
		}
	})
}

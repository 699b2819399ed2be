package spamd

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"proxyfilter/filter"
)

const english = "Spam detection software, running on the system \"mx\",\n" +
	"has NOT identified this incoming email as spam.\n\n" +
	"Content preview:  9.9 FAKE_RULE from the message\n   9.9 FAKE_RULE more\n\n" +
	"Content analysis details:   (1.6 points, 5.0 required)\n\n" +
	" pts rule name              description\n" +
	"---- ---------------------- --------------------------------------------------\n"

func TestParseReport(t *testing.T) {
	rule := func(name string, points float64, text string) filter.Rule {
		return filter.Rule{Name: name, Points: points, Description: text}
	}
	tests := []struct {
		name, report string
		rules        []filter.Rule
		err          error
	}{
		{"a table gives its rows", english +
			" 0.4 INVALID_DATE           Invalid Date: header (not RFC 2822)\n" +
			"-0.0 NO_RELAYS              Informational: message was not relayed via SMTP\n" +
			"1000 GTUBE                  BODY: Generic Test for Unsolicited Bulk Email\n\n", []filter.Rule{
			rule("INVALID_DATE", 0.4, "Invalid Date: header (not RFC 2822)"),
			rule("NO_RELAYS", 0, "Informational: message was not relayed via SMTP"),
			rule("GTUBE", 1000, "BODY: Generic Test for Unsolicited Bulk Email"),
		}, nil},
		{"a wrapped description and what a rule says are one description", english +
			"-100 USER_IN_WELCOMELIST    From: address is in the user's\n" +
			"                            welcome-list\n" +
			"                            [score: 0.5000]\n" +
			"[a-very-long-word-that-begins-in-the-first-column]\n" +
			" 0.0 NEXT_ONE\n", []filter.Rule{
			rule("USER_IN_WELCOMELIST", -100, "From: address is in the user's welcome-list [score: 0.5000] [a-very-long-word-that-begins-in-the-first-column]"),
			rule("NEXT_ONE", 0, ""),
		}, nil},
		{"a German table in ISO 8859-1 becomes UTF-8", "Pkte Regelname              Beschreibung\n" +
			"---- ---------------------- --------------------------------------------------\n" +
			" 0.1 UMLAUT                 f\xfcr alle\n", []filter.Rule{rule("UMLAUT", 0.1, "für alle")}, nil},
		{"CRLF is a line end too", strings.ReplaceAll(english+" 0.1 ONE                    one\n\n", "\n", "\r\n"), []filter.Rule{rule("ONE", 0.1, "one")}, nil},
		{"what stands below the table is none of it", english + " 0.1 ONE one\n\nRegards\n 0.2 TWO two\n", []filter.Rule{rule("ONE", 0.1, "one")}, nil},
		{"a row in the preview is no row", english + "\n", nil, nil},
		{"a table without rows is empty", english, nil, nil},
		{"a report without a table cannot be read", "It is spam.\n 0.1 ONE one\n", nil, errNoTable},
		{"an empty report cannot be read", "", nil, errNoTable},
		{"a table of another form cannot be read", english + "ONE (0.1): one\n", nil, errNoTable},
		{"points that are no plain number make no row", english + " 0.1 ONE one\n inf TWO two\n", []filter.Rule{rule("ONE", 0.1, "one")}, nil},
		{"a name that is none makes no row", english + " 0.1 ONE one\n 0.1 TW:O two\n", []filter.Rule{rule("ONE", 0.1, "one")}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rules, err := parseReport([]byte(tt.report))
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if d := cmp.Diff(tt.rules, rules); d != "" && len(tt.rules)+len(rules) > 0 {
				t.Error(d)
			}
		})
	}
}

func checkRules(t *testing.T, rules []filter.Rule) {
	t.Helper()
	if len(rules) > maxRules {
		t.Errorf("%d rules", len(rules))
	}
	for _, r := range rules {
		if !isName([]byte(r.Name)) || len(r.Description) > maxText || !utf8.ValidString(r.Description) ||
			strings.ContainsAny(r.Description, "\r\n\x00\x1b") || r.Points != r.Points || r.Points > 1e10 || r.Points < -1e10 {
			t.Errorf("rule %+v", r)
		}
	}
}

// What comes of a report is fit for a header field and a record, whatever the
// server says; and a table in front of it, or its line ends, change nothing.
func FuzzParseReport(f *testing.F) {
	f.Add([]byte(english + " 0.4 INVALID_DATE  Invalid\n     more\n"))
	f.Add([]byte("---- ---------- -\n-0.1 A\n[x]\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rules, err := parseReport(b)
		checkRules(t, rules)
		checkRules(t, parseSymbols(b))
		if !bytes.Contains(b, []byte("\r")) {
			crlfRules, crlfErr := parseReport(bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")))
			if (err == nil) != (crlfErr == nil) || !cmp.Equal(rules, crlfRules) {
				t.Errorf("with CRLF: %v %v, with LF: %v %v", crlfRules, crlfErr, rules, err)
			}
		}
	})
}

// A reply is the same in one piece and byte by byte, its body lies within what
// came, and spamc gets two lines and an empty one at most.
func FuzzReply(f *testing.F) {
	f.Add([]byte("SPAMD/1.1 0 EX_OK\r\nContent-length: 3\r\nSpam: False ; 1.6 / 5.0\r\n\r\nA,B"), false)
	f.Add([]byte("SPAMD/1.1 0 EX_OK\r\nSpam: False ; 1.6 / 5.0\r\n\r\nA,B"), false)
	f.Add([]byte("SPAMD/1.0 76 Bad header line: x\r\n"), false)
	f.Add([]byte("SPAMD/1.5 0 PONG\r\n"), true)
	f.Fuzz(func(t *testing.T, b []byte, ping bool) {
		whole, pieces := reply{ping: ping}, reply{ping: ping}
		_, wholeErr := read(&whole, b, len(b))
		body, err := read(&pieces, b, 1)
		if (err == nil) != (wholeErr == nil) {
			t.Fatalf("in pieces: %v, whole: %v", err, wholeErr)
		}
		if err != nil {
			return
		}
		if whole.code != pieces.code || !bytes.Equal(whole.spam, pieces.spam) || !bytes.Equal(body, whole.body(b)) {
			t.Errorf("in pieces: %+v, whole: %+v", pieces, whole)
		}
		if head := whole.forLibrary(); bytes.Count(head, []byte("\n")) > 3 || !bytes.HasSuffix(head, emptyLine) {
			t.Errorf("spamc gets %q", head)
		}
	})
}

func read(r *reply, b []byte, step int) ([]byte, error) {
	for n := 0; ; n = min(n+max(1, step), len(b)) {
		done, err := r.parse(b[:n])
		if err != nil {
			return nil, err
		}
		if done {
			return r.body(b[:n]), nil
		}
		if n == len(b) {
			if err := r.end(b); err != nil {
				return nil, err
			}
			return r.body(b), nil
		}
	}
}

func TestTheSenderGoesIntoSpamdsCopy(t *testing.T) {
	const (
		first = "Received: from helo (name [192.0.2.1])"
		rest  = "\r\n\tby mx (Postfix) with ESMTP id 4X\r\n\tfor <b@mx>; date\r\n"
		other = "Received: from elsewhere (name [192.0.2.2]) by x\r\nReturn-Path: <evil@x>\r\n\r\nbody\r\n"
	)
	ours := func(sender string) string { return "\r\n\t(envelope-from <" + sender + ">)" }
	tests := []struct{ name, sender, content, want string }{
		{"behind the first line of the topmost Received", "a@x", first + rest + other, first + ours("a@x") + rest + other},
		{"below the lines that PREPEND made", "a@x", "X-Note: 1\r\n" + first + rest + other, "X-Note: 1\r\n" + first + ours("a@x") + rest + other},
		{"an empty sender is a word that is no address", "", first + rest + other, first + ours("MAILER-DAEMON") + rest + other},
		{"what could end the comment or the line is replaced", "a b)\r\nX: \"<y>\"\\@x\x00", first + rest, first + ours(`a!b!!!X:!"!y!"!@x!`) + rest},
		{"letters of other alphabets stay", "é\xff@x", first + rest, first + ours("é\xff@x") + rest},
		{"a sender that is too long to be one is nobody", strings.Repeat("a", 513), first + rest, first + ours("MAILER-DAEMON") + rest},
		{"the longest sender is itself", strings.Repeat("a", 510) + "@x", first + rest, first + ours(strings.Repeat("a", 510)+"@x") + rest},
		{"a sender that SpamAssassin would pass over is nobody", `"+@!`, first + rest, first + ours("MAILER-DAEMON") + rest},
		{"one without an ASCII letter too", "é@ü", first + rest, first + ours("MAILER-DAEMON") + rest},
		{"a local submission tells of no client", "a@x", "Received: by mx (Postfix)\r\n" + other, "Received: by mx (Postfix)\r\n" + other},
		{"without a Received nothing is made up", "a@x", "Subject: x\r\n\r\n" + first + rest, "Subject: x\r\n\r\n" + first + rest},
		{"a message without a header stays", "a@x", "\r\n" + first + rest, "\r\n" + first + rest},
		{"an empty message stays", "a@x", "", ""},
		{"a Received that goes on for ever stays", "a@x", first + strings.Repeat("x", 200<<10), first + strings.Repeat("x", 200<<10)},
		{"PREPEND lines of several kilobytes are skipped", "a@x", strings.Repeat("X-Note: 1\r\n", 1000) + first + rest, strings.Repeat("X-Note: 1\r\n", 1000) + first + ours("a@x") + rest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q, got := composed(t, Config{}, tt.sender, tt.content)
			if got != tt.want {
				t.Errorf("got  %.300q\nwant %.300q", got, tt.want)
			}
			if q.cut {
				t.Error("cut")
			}
		})
	}
}

func composed(t *testing.T, c Config, sender, content string) (*request, string) {
	t.Helper()
	q, err := New(c).compose(&filter.Message{Envelope: filter.Envelope{Sender: sender}, Content: strings.NewReader(content)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(q.reader())
	if err != nil || int64(len(got)) != q.size {
		t.Fatalf("%d bytes, announced %d (%v)", len(got), q.size, err)
	}
	return q, string(got)
}

// Without the insertion, spamd's copy is the beginning of the message; and the
// insertion is one folded line, whoever sent it, in which SpamAssassin finds
// something: if it did not, it would go on to the recipient.
func FuzzCompose(f *testing.F) {
	f.Add("a@x", "Received: from a (b [c])\r\n\tby d\r\n\r\nbody\r\n", int64(30))
	f.Fuzz(func(t *testing.T, sender, content string, limit int64) {
		q, got := composed(t, Config{ScanLimit: limit}, sender, content)
		rest := got[:q.at] + got[q.at+int64(len(q.insert)):]
		if !strings.HasPrefix(content, rest) || q.cut != (limit > 0 && int64(len(content)) > limit) || !q.cut && rest != content {
			t.Errorf("of %q came %q", content, rest)
		}
		if limit > 0 && q.scanned > limit {
			t.Errorf("%d bytes over a limit of %d", q.scanned, limit)
		}
		if q.at == 0 && q.insert == "" {
			return
		}
		line, ok := strings.CutPrefix(q.insert, "\r\n\t(envelope-from <")
		if !ok || strings.ContainsAny(line, "\r\n\x00 \t(") || strings.Count(line, ")") != 1 || strings.Count(line, ">") != 1 {
			t.Errorf("inserted %q", q.insert)
		}
		if !envelopeWords.MatchString(q.insert) {
			t.Errorf("SpamAssassin finds nothing in %q", q.insert)
		}
		if !strings.HasPrefix(got[q.at+int64(len(q.insert)):], "\r\n") {
			t.Error("the insertion is not at a line end")
		}
	})
}

// envelopeWords is from Received.pm 4.0.1.
var envelopeWords = regexp.MustCompile(`(?i)(?:return-path:? |envelope-(?:sender|from)[ =])(\S+)\b`)

func TestALargeMessageIsCutAtALineEnd(t *testing.T) {
	tests := []struct {
		name, content string
		limit         int64
		want          string
		cut           bool
	}{
		{"at the last one before the limit", "a: b\r\n\r\nccc\r\nddd\r\n", 14, "a: b\r\n\r\nccc\r\n", true},
		{"a limit at a line end", "a: b\r\n\r\nccc\r\nddd\r\n", 13, "a: b\r\n\r\nccc\r\n", true},
		{"a line end that the limit splits is not one", "a: b\r\n\r\nccc\r\nddd\r\n", 12, "a: b\r\n\r\n", true},
		{"a message of the limit's size is whole", "a: b\r\n\r\nccc\r\n", 13, "a: b\r\n\r\nccc\r\n", false},
		{"a line without end is cut anywhere", strings.Repeat("x", 30<<10), 20 << 10, strings.Repeat("x", 20<<10), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q, got := composed(t, Config{ScanLimit: tt.limit}, "", tt.content)
			if got != tt.want || q.cut != tt.cut {
				t.Errorf("cut %t, %.100q", q.cut, got)
			}
		})
	}
}

func TestTheMapsMailboxGoesBeforeTheRecipients(t *testing.T) {
	for user, want := range map[string]string{"{recipient}": "bob", "u-{recipient}": "u-bob", "filter": "filter", "": ""} {
		m := &filter.Message{Envelope: filter.Envelope{Recipients: []string{"a@x", "b@x"}}, Mailbox: "bob"}
		if got, err := New(Config{User: user, SharedUser: "shared"}).user(m); got != want || err != nil {
			t.Errorf("%q: %q, %v", user, got, err)
		}
	}
}

func TestUser(t *testing.T) {
	tests := []struct {
		name, user, shared string
		recipients         []string
		want, err          string
	}{
		{"none by default", "", "shared", []string{"a@x"}, "", ""},
		{"a fixed one", "filter", "shared", []string{"a@x", "b@x"}, "filter", ""},
		{"the only recipient", "{recipient}", "shared", []string{"a@x"}, "a@x", ""},
		{"however he is spelled", "{recipient}", "shared", []string{`"A"@X.`}, "a@x", ""},
		{"the shared one for several", "{recipient}", "shared", []string{"a@x", "b@x"}, "shared", ""},
		{"a line end is refused", "{recipient}", "", []string{"a\r\nb@x"}, "", `control character in user "a\r\nb@x"`},
		{"NUL is refused", "a\x00", "", nil, "", `control character in user "a\x00"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := New(Config{User: tt.user, SharedUser: tt.shared}).user(&filter.Message{Envelope: filter.Envelope{Recipients: tt.recipients}})
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

package relay

import (
	"strings"
	"testing"

	"proxyfilter/filter"
)

// Each is accepted by Postfix with strict_rfc821_envelopes off, and means
// user@example.org there. Integration asks a real one.
func TestAnAddressIsThatWhichPostfixFinds(t *testing.T) {
	for name, path := range map[string]string{
		"in brackets":                           "<user@example.org>",
		"with parameters behind it":             "<user@example.org> NOTIFY=NEVER ORCPT=rfc822;other@example.org",
		"behind a blank":                        "  <user@example.org>",
		"without brackets":                      "user@example.org",
		"without brackets, up to a tab":         "user@example.org\tNOTIFY=NEVER",
		"behind a phrase":                       "<abuse@<user@example.org>>",
		"behind a phrase that is an address":    "<other@example.net@<user@example.org>>",
		"behind a phrase, without brackets":     "abuse@<user@example.org>",
		"in brackets within brackets":           "<<user@example.org>>",
		"with a bracket in a comment":           "<us(>)er@example.org>",
		"with a comment before it":              "<(other@example.net)user@example.org>",
		"with a comment in a comment":           "<user(a(b)c)@example.org>",
		"with blanks":                           "<user @ example . org>",
		"behind a source route":                 "<@a.example,@b.example:user@example.org>",
		"behind a source route, in brackets":    "<abuse <@a.example,@b.example:user@example.org>>",
		"in a group":                            "<abuse:user@example.org;>",
		"in a list of one":                      "<,user@example.org,>",
		"with a quoted local part":              `<"user"@example.org>`,
		"with a backslash":                      `<us\er@example.org>`,
		"behind a quoted phrase with brackets":  `<"abuse@x>" <user@example.org>>`,
		"behind a quoted phrase with a bracket": `<"<" <user@example.org>>`,
	} {
		t.Run(name, func(t *testing.T) {
			if got := filter.Mailbox(address("RCPT TO:" + path)); got != "user@example.org" {
				t.Errorf("%s is %q", path, got)
			}
		})
	}
}

func TestWhatIsNoAddressIsNone(t *testing.T) {
	for path, want := range map[string]string{
		"":                       "",
		"<>":                     "",
		"<> SIZE=1":              "",
		"<(nobody)>":             "",
		"<postmaster>":           "postmaster",
		`<"a>b"@example.org>`:    `"a>b"@example.org`,
		`<"a \" b"@example.org>`: `"a \" b"@example.org`,
		"<user@[192.0.2.1]>":     "user@[192.0.2.1]",

		// Postfix refuses these. They must not match an entry that stands in them.
		"<a@example.org,b@example.org>": "a@example.org,b@example.org",
		"<a b@example.org>":             "a b@example.org",
		"<x:a@example.org,b@c;>":        "x:a@example.org,b@c;",
		"<x:<a@example.org>>":           "x:<a@example.org>",
		"<a@example.org":                "<a@example.org",
		`"a@example.org`:                `"a@example.org`,
		"<a@example.org>x":              "<a@example.org>x",
	} {
		if got := address("MAIL FROM:" + path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
}

// FuzzPath: whatever is sent, what a policy is told of it is a part of the command,
// perhaps with blanks and comments left out; and an address is found again behind
// every phrase and comment, and within every bracket.
func FuzzPath(f *testing.F) {
	for _, line := range []string{
		"MAIL FROM:<a@b> SIZE=1", "RCPT TO:<\"a > b\"@c>", "rcpt to: a@b NOTIFY=NEVER", "MAIL FROM:<>", "RCPT TO:<@x,@y:a@b>",
		"MAIL FROM:<\"\\\"\\>\"@b", "MAIL", "RCPT TO:<\"", "RCPT TO:<a\\", "RCPT TO:<a@<b@c>>", "RCPT TO:a@b\tX", "RCPT TO:<a(>)@b>",
		"RCPT TO:<a:b@c;>", "RCPT TO:<[", "RCPT TO:<(", "RCPT TO:a:;<b>,;:\\",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if got := address(line); !subsequence(got, line) {
			t.Errorf("%q in %q", got, line)
		}
		local := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(line) + `"@example.org`
		for _, path := range []string{"<" + local + ">", "<" + local + "> SIZE=9 X=\">\"", local + "\tX"} {
			if got := address("MAIL FROM:" + path); got != local {
				t.Errorf("%q in %q, want %q", got, path, local)
			}
		}
		phrase := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(line) + `"`
		comment := "(" + strings.NewReplacer(`\`, `\\`, `(`, `\(`, `)`, `\)`, `<`, `\<`, `>`, `\>`, `"`, `\"`).Replace(line) + ")"
		for _, path := range []string{"<" + phrase + "<a@b.c>>", "<" + comment + "a@b.c>", "<<a" + comment + "@b.c>>", phrase + "<a@b.c>"} {
			if got := address("RCPT TO:" + path); got != "a@b.c" {
				t.Errorf("%q in %q", got, path)
			}
		}
	})
}

// subsequence reports that b has all of a, in its order.
func subsequence(a, b string) bool {
	for i := 0; i < len(b) && a != ""; i++ {
		if a[0] == b[i] {
			a = a[1:]
		}
	}
	return a == ""
}

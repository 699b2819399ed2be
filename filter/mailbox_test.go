package filter

import (
	"slices"
	"strings"
	"testing"
)

func TestEverySpellingOfAnAddressIsOneMailbox(t *testing.T) {
	for spelling, want := range map[string]string{
		"user@example.org":                       "user@example.org",
		"User@Example.ORG":                       "user@example.org",
		`"user"@example.org`:                     "user@example.org",
		`"us\er"@example.org`:                    "user@example.org",
		`us"er"@example.org`:                     "user@example.org",
		`u\ser@example.org`:                      "user@example.org",
		"user@example.org.":                      "user@example.org",
		"user @ example.org":                     "user@example.org",
		"user(who)@example.org(where (is))":      "user@example.org",
		"@a.example,@b.example:user@example.org": "user@example.org",
		`"us er"@example.org`:                    "us er@example.org",
		`"a@b"@example.org`:                      "a@b",
		"user%example.org":                       "user@example.org",
		"User%Example.ORG.@mx.example.net":       "user@example.org",
		`"user%example.org"@[192.0.2.1]`:         "user@example.org",
		"example.org!user":                       "user@example.org",
		"example.org!user@mx.example.net":        "user@example.org",
		"user%example.org%b.example@a.example":   "user@example.org",
		"user@example.org@":                      "user@example.org",
		"@a.example:user%example.org":            "user@example.org",
		"!":                                      "@",
		`"a(b"@example.org`:                      "a(b@example.org",
		"user@[IPv6:2001:db8::1]":                "user@[ipv6:2001:db8::1]",
		"Postmaster":                             "postmaster",
		"":                                       "",
		`\`:                                      "",
		`user@example.org\`:                      "user@example.org",
		`user@example.org\ `:                     "user@example.org",
		"Üser@EXÄMPLE.org":                       "üser@exämple.org",
	} {
		if got := Mailbox(spelling); got != want {
			t.Errorf("%q is %q, want %q", spelling, got, want)
		}
	}
}

func TestTheRouteOfASenderIsNotFollowed(t *testing.T) {
	for spelling, want := range map[string]string{
		"User@Example.ORG.":                    "user@example.org",
		"user%good.example@example.org":        "user%good.example@example.org",
		"good.example!user@example.org":        "good.example!user@example.org",
		`"user@good.example"@example.org`:      "user@good.example@example.org",
		"(good.example)user@example.org":       "user@example.org",
		"@good.example:user@example.org":       "user@example.org",
		"user%good.example":                    "user@good.example", // as Postfix reads it
		"good.example!user":                    "user@good.example",
		"root":                                 "root",
		"":                                     "",
		"SRS0=abc=XY=good.example=u@a.example": "srs0=abc=xy=good.example=u@a.example",
	} {
		if got := Originator(spelling); got != want {
			t.Errorf("%q is %q, want %q", spelling, got, want)
		}
		if got := Originator(want); got != want {
			t.Errorf("%q does not stay, and is %q", want, got)
		}
	}
}

func TestLookupsGoFromTheAddressToItsParentDomains(t *testing.T) {
	for _, test := range []struct {
		name, recipient, delimiters string
		want                        []string
	}{
		{"without an extension", "A@mx.example.org", "+", []string{"a@mx.example.org", "mx.example.org", ".example.org", ".org"}},
		{"with one", "a+b@example.org", "+", []string{"a+b@example.org", "a@example.org", "example.org", ".org"}},
		{"without delimiters there is none", "a+b@example.org", "", []string{"a+b@example.org", "example.org", ".org"}},
		{"the first delimiter splits, whichever it is", "a-b+c@x", "+-", []string{"a-b+c@x", "a@x", "x"}},
		{"a delimiter in front splits nothing", "+b@x", "+", []string{"+b@x", "x"}},
		{"a name of Postfix's own is not split", "mailer-daemon@x", "-", []string{"mailer-daemon@x", "x"}},
		{"nor is a list's owner", "owner-list@x", "-", []string{"owner-list@x", "x"}},
		{"nor its desk", "list-request@x", "-", []string{"list-request@x", "x"}},
		{"with another delimiter they are", "owner+list@x", "+", []string{"owner+list@x", "owner@x", "x"}},
		{"an address without a domain", "postmaster", "+", []string{"postmaster"}},
		{"an empty domain", "a@", "+", []string{"a@"}},
		{
			"of many parents the nearest ones are left out", "a@1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.example.org", "",
			[]string{
				"a@1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.example.org", "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.example.org",
				".5.6.7.8.9.10.11.12.13.14.15.16.example.org", ".6.7.8.9.10.11.12.13.14.15.16.example.org", ".7.8.9.10.11.12.13.14.15.16.example.org",
				".8.9.10.11.12.13.14.15.16.example.org", ".9.10.11.12.13.14.15.16.example.org", ".10.11.12.13.14.15.16.example.org",
				".11.12.13.14.15.16.example.org", ".12.13.14.15.16.example.org", ".13.14.15.16.example.org",
				".14.15.16.example.org", ".15.16.example.org", ".16.example.org", ".example.org", ".org",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := lookups(nil, test.recipient, test.delimiters); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// FuzzMailbox: whatever a stranger writes, the form is one that does not change
// again, its lookups are bounded, and quoting the local part makes no difference.
func FuzzMailbox(f *testing.F) {
	for _, seed := range []string{"a@b", `"a"@b`, `\`, `"`, "(((", "@a:b@c", strings.Repeat("a.", 200) + "a@" + strings.Repeat("b.", 200), "\xff@\xfe", "ſ@K", "a!b!c%d%e@f", "a%b.@c"} {
		f.Add(seed, "+-")
	}
	f.Fuzz(func(t *testing.T, address, delimiters string) {
		form := Mailbox(address)
		if len(lookups(nil, address, delimiters)) > maxLookups {
			t.Errorf("%q has too many lookups", address)
		}
		if !strings.ContainsAny(form, "\"\\(: \t") && Mailbox(form) != form {
			t.Errorf("%q became %q, then %q", address, form, Mailbox(form))
		}
		if local, domain, ok := strings.Cut(form, "@"); ok && !strings.ContainsAny(form, "\"\\(: \t") {
			if again := Mailbox(`"` + local + `"@` + domain); again != form {
				t.Errorf("%q quoted is %q", form, again)
			}
		}
	})
}

package main

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"proxyfilter/filter"
	"proxyfilter/relay"
)

func TestFieldsOfAPolicyAreFieldsThatNobodyElseKnows(t *testing.T) {
	many := make([]string, 21)
	for i := range many {
		many[i] = fmt.Sprintf("%q", fmt.Sprintf("X-%d: x", i))
	}
	for _, test := range []struct{ name, fields, want string }{
		{"a score", `["X-Our-Score: {score} of {tests} ({id})"]`, ""},
		{"a colon in the text", `["X-Our-Site: https://example.org/{id}"]`, ""},
		{"a field that other programs know", `["Precedence: list"]`, "does not begin with X-"},
		{"Received", `["Received: from nowhere"]`, "does not begin with X-"},
		{"SpamAssassin's", `["X-SPAM-Score: 1"]`, "one of SpamAssassin's names"},
		{"a line end", `["X-A: b\r\nBcc: c"]`, "printable ASCII"},
		{"UTF-8", `["X-A: \u00fc"]`, "printable ASCII"},
		{"no colon", `["X-A b"]`, "is not a field"},
		{"a blank in the name", `["X-A : b"]`, "is not a field"},
		{"no name", `[": b"]`, "is not a field"},
		{"no whole name", `["X-: b"]`, "does not begin with X-"},
		{"no text", `["X-A: "]`, "has no text"},
		{"too much text", `["X-A: ` + strings.Repeat("x", 201) + `"]`, "or too much"},
		{"a placeholder that nothing replaces", `["X-A: {sender}"]`, "{sender} stands for nothing"},
		{"the same name twice", `["X-A: b", "x-a: c"]`, "is there twice"},
		{"too many", "[" + strings.Join(many, ", ") + "]", "21 fields are too many"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := load(sources{file: write(t, "[policy]\nfields = "+test.fields+"\n")})
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

func TestASubjectPrefixIsOneShortWordOrTwo(t *testing.T) {
	for _, bad := range []string{`" [SPAM]"`, `"[SPAM]\n"`, `"\u00fc"`, `"` + strings.Repeat("x", 41) + `"`} {
		if _, err := load(sources{file: write(t, "[policy]\nsubject_prefix = "+bad+"\n")}); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	c, err := load(sources{file: write(t, "[policy]\nsubject_prefix = \"[SPAM]\"\n[policies.a]\nrecipients = [\"a@x.example\"]\n")})
	if err != nil || len(c.warnings) != 1 || !strings.Contains(c.warnings[0].what, "breaks the DKIM signatures") {
		t.Errorf("%v %v", err, c.warnings)
	}
}

func TestWhatOnlyWeWriteIsGatheredFromAllPolicies(t *testing.T) {
	c, err := load(sources{file: write(t, `[server]
hostname = "mx.example.org"
[policy]
fields = ["X-A: {id}"]
[policies.a]
recipients = ["a@x.example"]
fields = ["X-B: {id}", "X-A: {score}"]
silence_autoresponders = true
`)})
	if err != nil {
		t.Fatal(err)
	}
	want := relay.Own{Fields: []string{"X-A", "X-B"}, AuthServ: "mx.example.org"}
	if got := newOwn(&c.config); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	c.Server.AuthServID = "example.org"
	if got := newOwn(&c.config).AuthServ; got != "example.org" {
		t.Errorf("authserv-id is %q", got)
	}
	ps := newPolicies(&c.config)
	p := ps.For(filter.Envelope{}, "a@x.example").Policy
	if len(p.Fields) != 2 || !p.SilenceAutoresponders {
		t.Errorf("%+v", p)
	}
}

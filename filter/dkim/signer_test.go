package dkim_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"proxyfilter/filter/dkim"
)

func TestSigner(t *testing.T) {
	const bogus = "DKIM-Signature: v=1; d=partner.example\r\n"
	for _, test := range []struct {
		name, content string
		lookup        func(context.Context, string) ([]string, error)
		want          string
		lookups       int
	}{
		{"signed by one who is wanted", sign(t, "Partner.example", text), keys, "partner.example", 1},
		{"signed by another, who is not asked", sign(t, "elsewhere.example", text), keys, "", 0},
		{"signed by both", sign(t, "elsewhere.example", sign(t, "partner.example", text)), keys, "partner.example", 1},
		{"changed on the way", strings.Replace(sign(t, "partner.example", text), "hello\r\n", "spam\r\n", 2), keys, "", 1},
		{"only claimed", bogus + text, keys, "", 0},
		{"no signature", text, keys, "", 0},
		{"a name server that fails", sign(t, "partner.example", text), failing(errors.New("no answer")), "", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			lookups := 0
			v := dkim.Verifier{LookupTXT: func(ctx context.Context, name string) ([]string, error) {
				lookups++
				return test.lookup(ctx, name)
			}}
			got, found := v.Signer(t.Context(), strings.NewReader(test.content), func(domain string) bool {
				return strings.EqualFold(domain, "partner.example")
			})
			if got != test.want || found != (test.want != "") {
				t.Errorf("got %q, %v", got, found)
			}
			if lookups != test.lookups {
				t.Errorf("%d lookups, want %d", lookups, test.lookups)
			}
		})
	}
}

func TestWhatIsNotReadToItsEndIsNotSigned(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v := dkim.Verifier{LookupTXT: keys}
	if got, found := v.Signer(ctx, strings.NewReader(sign(t, "partner.example", text)), func(string) bool { return true }); found {
		t.Errorf("got %q", got)
	}
}

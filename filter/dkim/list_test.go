package dkim_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	msgauth "github.com/emersion/go-msgauth/dkim"

	"proxyfilter/filter/dkim"
)

// signFields is sign over the fields named.
func signFields(t *testing.T, domain, message string, fields ...string) string {
	t.Helper()
	var out bytes.Buffer
	err := msgauth.Sign(&out, strings.NewReader(message), &msgauth.SignOptions{Domain: domain, Selector: "s", Signer: key, HeaderKeys: fields})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestMailingList(t *testing.T) {
	const list = "List-Id: \"<x@y> Gardeners\"\r\n <Roses.lists.Example.org>\r\n" + text
	with := func(domain, message string) string { return signFields(t, domain, message, "From", "List-Id") }
	for _, test := range []struct {
		name, content string
		lookup        func(context.Context, string) ([]string, error)
		want          string
		lookups       int
	}{
		{"signed in its own name", with("roses.lists.example.org", list), keys, "roses.lists.example.org", 1},
		{"signed by a domain above", with("Example.org", list), keys, "roses.lists.example.org", 1},
		{"signed by a top-level domain, which is not asked", with("org", list), keys, "", 0},
		{"signed by another, who is not asked", with("elsewhere.example", list), keys, "", 0},
		{"signed by one whose name ends alike", with("ple.org", list), keys, "", 0},
		{"signed by a domain below", with("x.roses.lists.example.org", list), keys, "", 0},
		{"the field was added to what others have signed", "List-Id: <example.org>\r\n" + sign(t, "example.org", text), keys, "", 1},
		{"a second field", "List-Id: <example.org>\r\n" + with("example.org", list), keys, "", 0},
		{"a field in the body", with("example.org", text+list), keys, "", 0},
		{"no list", with("example.org", text), keys, "", 0},
		{"no name", with("example.org", strings.Replace(list, "<Roses.lists.Example.org>", "roses", 1)), keys, "", 0},
		{"a strange name", with("example.org", strings.Replace(list, "Roses", "r\"s", 1)), keys, "", 0},
		{"changed on the way", strings.Replace(with("example.org", list), "hello\r\n", "spam\r\n", 2), keys, "", 1},
		{"a name server that fails", with("example.org", list), failing(errors.New("no answer")), "", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			lookups := 0
			v := dkim.Verifier{LookupTXT: func(ctx context.Context, name string) ([]string, error) {
				lookups++
				return test.lookup(ctx, name)
			}}
			if got, found := v.MailingList(t.Context(), strings.NewReader(test.content)); got != test.want || found != (test.want != "") {
				t.Errorf("got %q, %v", got, found)
			}
			if lookups != test.lookups {
				t.Errorf("%d lookups, want %d", lookups, test.lookups)
			}
		})
	}
}

// A field of a megabyte, folded behind each byte, must not be put together line by line.
func TestAHugeFieldIsLittleWork(t *testing.T) {
	folds := strings.Repeat(" \r\n", 300_000)
	for name, content := range map[string]string{
		"the name of the list": "List-Id: <a.example.org>\r\n" + folds + text,
		"another field":        "X: y\r\n" + folds + signFields(t, "example.org", "List-Id: <a.example.org>\r\n"+text, "From", "List-Id"),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			id, found := dkim.Verifier{LookupTXT: keys}.MailingList(t.Context(), strings.NewReader(content))
			runtime.ReadMemStats(&after)
			if found {
				t.Errorf("found %q", id)
			}
			if made := (after.TotalAlloc - before.TotalAlloc) >> 20; made > 20 {
				t.Errorf("%d MiB were allocated for a message of one", made)
			}
		})
	}
}

func TestALongHeaderMayBeSigned(t *testing.T) {
	content := strings.Repeat("X: y\r\n", 20_000) + text
	if !(dkim.Verifier{LookupTXT: keys}).MayBeValid(t.Context(), strings.NewReader(content)) {
		t.Error("known to be unsigned, though nobody has looked")
	}
}

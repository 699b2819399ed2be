package dkim_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"testing"

	msgauth "github.com/emersion/go-msgauth/dkim"
	"go.uber.org/goleak"

	"proxyfilter/filter"
	"proxyfilter/filter/dkim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const text = "From: \"Boss <boss@elsewhere.example>\" <a@news.example.com>\r\nSubject: hello\r\n\r\nhello\r\n"

var key = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))

// sign puts a signature of the domain on top of the message.
func sign(t *testing.T, domain, message string) string {
	t.Helper()
	var out bytes.Buffer
	err := msgauth.Sign(&out, strings.NewReader(message), &msgauth.SignOptions{
		Domain: domain, Selector: "s", Signer: key, HeaderKeys: []string{"From", "Subject"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func keys(context.Context, string) ([]string, error) {
	public := base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	return []string{"v=DKIM1; k=ed25519; p=" + public}, nil
}

func failing(err error) func(context.Context, string) ([]string, error) {
	return func(context.Context, string) ([]string, error) { return nil, err }
}

func TestMayBeValid(t *testing.T) {
	const bogus = "DKIM-Signature: v=1; d=example.com\r\n"
	changed := func(s string) string { return strings.Replace(s, "\r\nhello", "\r\nchanged", 1) }
	tests := []struct {
		name    string
		content string
		lookup  func(context.Context, string) ([]string, error)
		want    bool
	}{
		{"a valid signature of the author's domain", sign(t, "news.example.com", text), keys, true},
		{"one of the domain above it", sign(t, "example.com", text), keys, true},
		{"one of a sister domain", sign(t, "mail.example.com", text), keys, true},
		{"a valid one of somebody else only", sign(t, "mailer.example.net", text), keys, false},
		{"one of a top-level domain is nobody's", sign(t, "com", text), keys, false},
		{"a body that was changed", changed(sign(t, "example.com", text)), keys, false},
		{"a changed and a valid one", sign(t, "example.com", changed(sign(t, "example.com", text))), keys, true},
		{"a name server that does not answer", changed(sign(t, "example.com", text)), failing(&net.DNSError{IsTimeout: true, IsTemporary: true}), true},
		{"a key that does not exist", sign(t, "example.com", text), failing(&net.DNSError{IsNotFound: true}), false},
		{"a part of the body that is signed", changed(strings.Replace(sign(t, "example.com", text), "v=1;", "v=1; l=3;", 1)), keys, true},
		{"no signature at all", text, keys, false},
		{"no author", sign(t, "example.com", "From: nobody\r\nSubject: x\r\n\r\n"), keys, false},
		{"an internationalised author", sign(t, "xn--bcher-kva.example", "From: a@bücher.example\r\nSubject: x\r\n\r\n"), keys, true},
		{"a malformed signature", "DKIM-Signature: v=1; d=example.com\r\n" + text, keys, false},
		{"more bogus signatures than are looked at", strings.Repeat(bogus, 100) + text, keys, false},
		{"a valid one above as many", sign(t, "example.com", strings.Repeat(bogus, 100)+text), keys, true},
		{"a valid one that is the eighth", strings.Repeat(bogus, 7) + sign(t, "example.com", text), keys, true},
		{"a valid one below what is looked at", strings.Repeat(bogus, 8) + sign(t, "example.com", text), keys, false},
		{"a name server that does not answer about one of too many", sign(t, "example.com", strings.Repeat(bogus, 100)+text), failing(&net.DNSError{IsTimeout: true, IsTemporary: true}), true},
		{"a header without end", strings.Repeat("From: x\r\n", 200<<10), keys, true},
		{"nothing", "", keys, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (dkim.Verifier{LookupTXT: tt.lookup}).MayBeValid(t.Context(), strings.NewReader(tt.content)); got != tt.want {
				t.Errorf("%t", got)
			}
		})
	}
}

func TestWhatCannotBeReadMayBeValid(t *testing.T) {
	broken := changedAt{strings.NewReader(sign(t, "example.com", sign(t, "example.com", text+strings.Repeat("x\r\n", 100<<10)))), 50 << 10}
	if !(dkim.Verifier{LookupTXT: keys}).MayBeValid(t.Context(), broken) {
		t.Error("a message that cannot be read")
	}
}

// changedAt cannot be read from there on.
type changedAt struct {
	filter.Content
	at int64
}

func (c changedAt) ReadAt(p []byte, off int64) (int, error) {
	if off >= c.at {
		return 0, errors.New("over")
	}
	return c.Content.ReadAt(p, off)
}

func TestAContextThatHasEndedLeavesItOpen(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	lookup := func(context.Context, string) ([]string, error) { cancel(); return nil, ctx.Err() }
	if !(dkim.Verifier{LookupTXT: lookup}).MayBeValid(ctx, strings.NewReader(sign(t, "example.com", text))) {
		t.Error("the question was answered")
	}
}

func FuzzMayBeValid(f *testing.F) {
	f.Add(text)
	f.Add("DKIM-Signature: v=1; a=ed25519-sha256; d=example.com; s=s; h=From; bh=; b=\r\n" + text)
	f.Fuzz(func(t *testing.T, s string) {
		may := (dkim.Verifier{LookupTXT: keys}).MayBeValid(t.Context(), strings.NewReader(s))
		complete := strings.Contains(s, "\r\n\r\n")
		if may && complete && !strings.Contains(strings.ToLower(s), "dkim-signature") {
			t.Errorf("a signature was found in %q", s)
		}
	})
}

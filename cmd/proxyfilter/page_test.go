package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"proxyfilter/cmd/proxyfilter/status"
	"proxyfilter/relay/relaytest"
)

const aToken = "correct-horse-battery-staple"

// detailed is a site whose page has details for who knows the token.
func detailed(t *testing.T) *site {
	t.Helper()
	s := newSite(shortDir(t))
	file := filepath.Join(s.runtime, "token")
	if err := os.WriteFile(file, []byte(aToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.configure(t, scoring(), &relaytest.Hop{}, "")
	s.start(t, program{named: true, options: []string{"status.token_file=" + file, "journal.subject=true"}})
	return s
}

// browse asks as a browser does, at the socket for details or at status.listen.
func (s *site) browse(t *testing.T, socket bool, path, token string) (code int, header http.Header, body string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	if socket {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", s.pages.details.Addr().String())
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.status+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html,*/*")
	if token != "" {
		r.SetBasicAuth("anybody", token)
	}
	res, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(text)
}

// written waits until the journal has a reference, for it is written in the background.
func (s *site) written(t *testing.T, id string) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); {
		if code, _, _ := s.browse(t, true, "/explain/"+id, ""); code == http.StatusOK {
			return
		}
	}
	t.Fatalf("%s is not in the journal", id)
}

func TestDetailsAreForTheSocketAndTheTokenOnly(t *testing.T) {
	s := detailed(t)
	s.client(t, "192.0.2.7", "helo.example", "carol@example.org", "score=12.0")
	id := strings.Split(s.log.await(t, "action=reject, reason=score"), ": ")[1]
	s.written(t, id)
	for _, test := range []struct {
		name       string
		socket     bool
		path, with string
		code       int
		shown      bool
	}{
		{"the socket", true, "/", "", 200, true},
		{"its searches", true, "/explain?what=" + id, "", 200, true},
		{"by address", true, "/explain?what=carol@example.org", "", 200, true},
		{"figures for everybody", false, "/", "", 200, false},
		{"the token", false, "/", aToken, 200, true},
		{"a story with the token", false, "/explain/" + id, aToken, 200, true},
		{"a wrong one", false, "/", aToken + "x", 200, false},
		{"a story without", false, "/explain/" + id, "", 401, false},
		{"a story with a wrong one", false, "/explain/" + id, "x", 401, false},
		{"a search without", false, "/explain?what=" + id, "", 401, false},
		{"the dialogue", false, "/details", "", 401, false},
		{"the end of it", false, "/details", aToken, 200, true},
		{"metrics", false, "/metrics", "", 200, false},
		{"nothing to look for", true, "/explain?what=", "", 400, false},
		{"too much to look for", true, "/explain?what=" + strings.Repeat("x", 1000), "", 400, false},
		{"nothing of that name", true, "/explain/0000000000ZZ", "", 404, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, header, body := s.browse(t, test.socket, test.path, test.with)
			if code != test.code || test.shown != strings.Contains(body, "carol@example.org") {
				t.Errorf("%d, want %d; details %v:\n%s", code, test.code, !test.shown, body)
			}
			if !test.shown && strings.Contains(body, "192.0.2.7") {
				t.Error("the client's address is shown")
			}
			if strings.HasPrefix(header.Get("Content-Type"), "text/html") && header.Get("Content-Security-Policy") != status.Policy {
				t.Error("without a policy for the browser")
			}
		})
	}
	if info, err := os.Stat(s.pages.details.Addr().String()); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the socket: %v %v", info, err)
	}
}

func TestWithoutATokenNobodyIsTrusted(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.SetBasicAuth("", "")
	if (&page{}).trusted(r) {
		t.Error("the empty token was taken")
	}
}

func TestTokensThatCanBeGuessedAreRefused(t *testing.T) {
	for _, text := range []string{"", "short\n", "\n" + aToken, strings.Repeat("x", maxToken+1), "café-café-café-café"} {
		if token, err := readToken(write(t, text)); err == nil {
			t.Errorf("%q gives %q", text, token)
		}
	}
	if token, err := readToken(write(t, aToken+" \nand a comment\n")); token != aToken || err != nil {
		t.Errorf("%q %v", token, err)
	}
}

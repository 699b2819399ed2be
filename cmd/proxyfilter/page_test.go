package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
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

// hostile is a message of which every part that the page shows is an attack.
func (s *site) hostile(t *testing.T, canary string) (id string) {
	t.Helper()
	const close = `"'></a></bdi></p></pre></title></style>`
	attack := close + `<script>document.title='pwned';fetch('` + canary + `')</script><img src=` + canary + ` onerror=document.title='pwned'><svg onload=document.title='pwned'>`
	from := `"` + strings.ReplaceAll(strings.ReplaceAll(attack, `"`, ""), `\`, "") + `"@example.org`
	body := "score=31.0"
	message := "From: " + attack + "\r\nSubject: \u202e{{.Fingerprint}} " + attack + "\r\nMessage-ID: <" + attack + "@x>\r\n\r\n" + body
	s.client(t, "192.0.2.66", strings.NewReplacer("+", "+2B", " ", "+20", "=", "+3D").Replace(attack), from, "", message)
	return strings.Split(s.log.await(t, "192.0.2.66", "reason=score"), ": ")[1]
}

func TestNothingThatAStrangerWritesRunsInTheBrowser(t *testing.T) {
	chromium := party(t, "chromium")
	var asked bytes.Buffer
	canary := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked.WriteString(r.URL.String() + "\n") }))
	t.Cleanup(canary.Close)
	s := detailed(t)
	id := s.hostile(t, canary.URL)
	s.written(t, id)
	for name, path := range map[string]string{
		"the front page":        "/details",
		"the story":             "/explain/" + id,
		"what was looked for":   "/explain?what=" + url.QueryEscape(`"></title><script>document.title='pwned'</script><img src=x onerror=document.title='pwned'>`),
		"a path that is no ref": "/explain/" + url.PathEscape(`<script>document.title='pwned'</script>`),
	} {
		t.Run(name, func(t *testing.T) {
			dom := s.dom(t, chromium, path)
			for _, bad := range []string{"<title>pwned", "<script", "<img", "onload=\"", "\u202e", "<svg onload"} {
				if strings.Contains(dom, bad) {
					t.Errorf("%q is in\n%s", bad, dom)
				}
			}
			if !strings.Contains(dom, "proxyfilter</a>") || !strings.Contains(dom, "&lt;script&gt;") {
				t.Errorf("this is not the page with the attack:\n%s", dom)
			}
		})
	}
	if asked.Len() > 0 {
		t.Errorf("the browser was made to ask elsewhere: %s", asked.String())
	}
}

// dom is the page as the browser has it after a while, with its scripts run.
func (s *site) dom(t *testing.T, chromium, path string) string {
	t.Helper()
	return string(s.chromium(t, chromium, path, "--dump-dom", "--virtual-time-budget=2000"))
}

func (s *site) chromium(t *testing.T, chromium, path string, more ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	args := append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
		"--user-data-dir=" + t.TempDir(),
	}, more...)
	cmd := exec.CommandContext(ctx, chromium, append(args, "http://anybody:"+aToken+"@"+s.status+path)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, said.String())
	}
	return out
}

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

func TestPagesAnswerWhatTheyAreAskedAndNothingElse(t *testing.T) {
	var notReady error
	full := web{metrics: someMetrics(), ready: func() error { return notReady }, summary: func(w io.Writer) { fmt.Fprintln(w, "all is well") }, page: &page{}}
	profiled := full
	profiled.profile = true
	bare := full
	bare.page = nil
	for _, test := range []struct {
		name, method, path string
		web                web
		ready              error
		code               int
		want               string
	}{
		{"the summary", "GET", "/", full, nil, 200, "all is well\n"},
		{"no summary on metrics.listen", "GET", "/", bare, nil, 404, "404 page not found\n"},
		{"well", "GET", "/healthz", bare, errors.New("stopping"), 200, "ok\n"},
		{"ready", "GET", "/readyz", bare, nil, 200, "ok\n"},
		{"not ready", "GET", "/readyz", bare, errors.New("stopping"), 503, "stopping\n"},
		{"figures", "GET", "/metrics", bare, nil, 200, "# HELP"},
		{"nothing else", "GET", "/debug/pprof/", full, nil, 404, "404 page not found\n"},
		{"profiles when asked for", "GET", "/debug/pprof/goroutine", profiled, nil, 200, "\x1f\x8b"},
		{"never the command line", "GET", "/debug/pprof/cmdline", profiled, nil, 404, "Unknown profile\n"},
		{"no writing", "POST", "/healthz", full, nil, 405, "Method Not Allowed\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			notReady = test.ready
			answer := httptest.NewRecorder()
			test.web.handler().ServeHTTP(answer, httptest.NewRequest(test.method, test.path, nil))
			if answer.Code != test.code || !strings.HasPrefix(answer.Body.String(), test.want) {
				t.Errorf("%d %q", answer.Code, answer.Body)
			}
		})
	}
}

func TestPortOfTheStatusPageInUseIsAClearError(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c := defaults("postfix")
	c.Status.Listen = address{Network: "tcp", Addr: ln.Addr().String()}
	_, err = openPages(&c, supply{})
	want := "status.listen: " + ln.Addr().String() + ` is in use by another program; choose another address, or "" for none`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestWhatTheLibrariesSayIsLogged(t *testing.T) {
	var b strings.Builder
	c := complaints{zerolog.New(&b)}
	c.Println("scrape:", "broken")
	fmt.Fprintf(c, "http: panic\n")
	if got := b.String(); !strings.Contains(got, "broken") || !strings.Contains(got, "http: panic") || strings.Count(got, "\n") != 2 {
		t.Error(got)
	}
}

func TestHealthAsksThisHostWhenItListensEverywhere(t *testing.T) {
	for listen, want := range map[string]string{
		"0.0.0.0:10088": "127.0.0.1:10088", ":10088": "127.0.0.1:10088", "[::]:10088": "[::1]:10088",
		"192.0.2.1:80": "192.0.2.1:80", "[::1]:80": "[::1]:80", "localhost:80": "localhost:80",
	} {
		if got := dialable(address{Network: "tcp", Addr: listen}); got != want {
			t.Errorf("%s: got %s, want %s", listen, got, want)
		}
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"proxyfilter/filter/spamd/spamdtest"
)

// TestScripts plays testdata/script. Each is a session at a terminal:
// "exits CODE COMMAND…" runs the program and checks its exit code.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_TESTDATA") != "",
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		if failed, ok := err.(*exec.ExitError); ok {
			code = failed.ExitCode()
		} else {
			code = -1
		}
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// called runs one command in this process.
func called(stdin string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(args, program{stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs, file: "/nonexistent.toml"})
	return code, out.String(), errs.String()
}

func TestScanSaysWhatWouldBecomeOfAMessage(t *testing.T) {
	good, spam := write(t, "Subject: a\n\nhello\n"), write(t, "Subject: a\n\n"+spamdtest.GTUBE+"\n")
	addr := startSpamd(t, &spamdtest.Server{})
	for _, test := range []struct {
		name  string
		args  []string
		stdin string
		code  int
		out   []string
	}{
		{"good mail is accepted", []string{good}, "", exitFine, []string{good + ": accept, reason=clean, score=0.0, tag_at=5.0, reject_at=10.0, policy=default\n"}},
		{"spam is refused", []string{good, spam}, "", exitNo, []string{": accept, ", spam + ": reject, reason=score, score=1000.0", "GTUBE"}},
		{"standard input is a file too", []string{"-"}, spamdtest.GTUBE, exitNo, []string{"-: reject"}},
		{"mail of one's own is tagged at most", []string{"--own", spam}, "", exitFine, []string{": tag, reason=score", "policy=own"}},
		{
			"observing changes the action, not the answer",
			[]string{"-o", "policy.mode=observe", spam},
			"", exitNo,
			[]string{": tag (the policy only observes; enforced: reject), "},
		},
		{"the story", []string{"--explain", "--from", "carol@example.org", spam}, "", exitNo, []string{
			spam + ", if it came now:\n", ": refused, ", "<carol@example.org>", "GTUBE", "Without GTUBE it would have been low enough.",
		}},
		{"nothing answers", []string{"-o", "spamd.servers=127.0.0.1:1", "-o", "budget.wait=10ms", "-o", "budget.verdict=100ms", good}, "", exitTemporary, []string{": defer, reason=unscanned", "could not answer"}},
		{"no scanner was asked", []string{"-o", "spamd.servers=none", spam}, "", exitFine, []string{": accept, reason=unscanned"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := append([]string{"scan", "-o", "spamd.servers=" + addr}, test.args...)
			code, out, errs := called(test.stdin, args...)
			if code != test.code {
				t.Errorf("exit code %d, want %d; %s", code, test.code, errs)
			}
			for _, want := range test.out {
				if !strings.Contains(out, want) {
					t.Errorf("%q is missing in\n%s", want, out)
				}
			}
		})
	}
}

func TestScanForPrograms(t *testing.T) {
	addr := startSpamd(t, &spamdtest.Server{})
	code, out, errs := called(spamdtest.GTUBE, "scan", "--json", "-o", "spamd.servers="+addr, "-")
	var got scanReport
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitNo {
		t.Fatalf("%d %v %s", code, err, errs)
	}
	if got.Action != "reject" || got.Score != 1000 || len(got.Sources) != 1 || got.Sources[0].Server != addr || len(got.Sources[0].Rules) == 0 {
		t.Errorf("%+v", got)
	}
}

// scanReport is what a program reads.
type scanReport struct {
	Action  string
	Score   float64
	Sources []struct {
		Server string
		Rules  []struct{ Name string }
	}
}

func TestScannersGetMessagesAsOverTheWire(t *testing.T) {
	for in, want := range map[string]string{
		"a\nb\n": "a\r\nb\r\n", "a\r\nb\r\n": "a\r\nb\r\n", "a\r\nb": "a\r\nb\r\n", "": "", "a\rb\n": "a\rb\r\n",
	} {
		if got := string(wireForm([]byte(in))); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestHealthIsTheAnswerOfTheProcess(t *testing.T) {
	ready := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" && !ready {
			plain(w, http.StatusServiceUnavailable, "stopping")
			return
		}
		plain(w, http.StatusOK, "ok")
	}))
	defer server.Close()
	addr := strings.TrimPrefix(server.URL, "http://")
	ready = false
	for _, test := range []struct {
		name string
		args []string
		code int
		out  string
	}{
		{"well", []string{"-o", "status.listen=" + addr}, exitFine, "ok\n"},
		{"well, by its URL", []string{"--url", server.URL + "/"}, exitFine, "ok\n"},
		{"not ready", []string{"--ready", "--url", server.URL}, exitNo, "proxyfilter: " + server.URL + "/readyz answers 503 Service Unavailable: stopping\n"},
		{"for programs", []string{"--json", "--url", server.URL}, exitFine, "{\n  \"answer\": \"ok\",\n  \"healthy\": true\n}\n"},
		{"nowhere to ask", []string{"-o", "status.listen="}, exitNo, "proxyfilter: status.listen and metrics.listen are both empty; nothing can be asked\n"},
		{"nobody answers", []string{"--url", "http://127.0.0.1:1"}, exitNo, "proxyfilter: Get \"http://127.0.0.1:1/healthz\": dial tcp 127.0.0.1:1: connect: connection refused\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, out, errs := called("", append([]string{"health"}, test.args...)...)
			if code != test.code || out+errs != test.out {
				t.Errorf("exit code %d, want %d; said %q, want %q", code, test.code, out+errs, test.out)
			}
		})
	}
}

func TestHealthAsksOverAUnixSocket(t *testing.T) {
	s := open(t, "[metrics]\nlisten = \"unix:"+filepath.Join(t.TempDir(), "m")+"\"\n")
	code, out, errs := called("", "health", "-c", s.file, "-o", "status.listen=")
	if code != exitFine || out != "ok\n" {
		t.Error(code, out, errs)
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	_, hop := startHop(t)
	scanning, goOn := make(chan struct{}), make(chan struct{})
	addr := startSpamd(t, &spamdtest.Server{Choose: func(r spamdtest.Request) spamdtest.Reply {
		if r.Command != "PING" {
			close(scanning)
			<-goOn
		}
		return spamdtest.Reply{}
	}})
	log := &logBook{}
	path := filepath.Join(t.TempDir(), "status")
	cmd := exec.Command("proxyfilter", "serve", "-o", "server.listen=127.0.0.1:0", "-o", "relay.next_hop="+hop,
		"-o", "spamd.servers="+addr, "-o", "status.listen=unix:"+path, "-o", "log.format=postfix", "-o", "budget.spool_dir="+t.TempDir(), "-o", "journal.dir=", "-o", "store.path=")
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := log.await(t, "serving: ")
	_, rest, _ := strings.Cut(line, "listen=")
	listen, _, _ := strings.Cut(rest, ",")
	s := &site{smtp: listen}
	sent := make(chan error, 1)
	go func() { sent <- s.send("under way") }()
	<-scanning
	for _, want := range []string{"stopping: signal=terminated", "error: ended at once: conversations=1"} {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		log.await(t, want)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != exitNo {
		t.Error(err)
	}
	close(goOn)
	if err := <-sent; err == nil {
		t.Error("the message was answered")
	}
}

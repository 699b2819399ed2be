package main

import (
	"context"
	"errors"
	"net/textproto"
	"os"
	"strings"
	"syscall"
	"testing"

	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/integration/rig"
)

func TestMailIsCarriedScoredLoggedAndCounted(t *testing.T) {
	s := open(t, "")
	if err := s.send("good"); err != nil {
		t.Fatal(err)
	}
	s.log.await(t, "from=<a@example.net>, to=<b@example.org>", "action=accept, reason=clean, score=0", "queue_id=")
	var refusal *textproto.Error
	if err := s.send(spamdtest.GTUBE); !errors.As(err, &refusal) || refusal.Code != 550 || !strings.HasPrefix(refusal.Msg, "5.7.1 Message refused") {
		t.Errorf("spam: %v", err)
	}
	s.log.await(t, "action=reject, reason=score, score=1000", `reply="550 5.7.1 `)
	if n := len(s.hop.Report().Delivered()); n != 1 {
		t.Errorf("%d messages delivered", n)
	}
	page, err := ask(context.Background(), address{}, "http://"+s.status+"/")
	if err != nil || !strings.Contains(page, "accept, clean") || !strings.Contains(page, "reject, score") {
		t.Errorf("%v\n%s", err, page)
	}
	figures := scrape(t, s.metrics)
	for _, want := range []string{`messages_total{action="reject",reason="score"} 1`, `hop_replies_total{class="2xx"} 1`} {
		if !strings.Contains(figures, want) {
			t.Errorf("missing: %s", want)
		}
	}
	// The first PING has a slot, too, and may take longer than both messages.
	rig.Eventually(t, "four free slots", func() bool { return strings.Contains(scrape(t, s.metrics), `state="free"} 4`) })
}

func TestReloadTakesOverPolicyAndServers(t *testing.T) {
	s := open(t, "")
	first := s.current.Load()
	s.rewrite(t, "[log]", "[policy]\nmode = \"observe\"\n[log]")
	s.signals <- syscall.SIGHUP
	s.log.await(t, "configuration reloaded: changed=policy.mode")
	if s.current.Load().scanner != first.scanner {
		t.Error("the scanner was replaced for nothing")
	}
	if err := s.send(spamdtest.GTUBE); err != nil {
		t.Errorf("observing: %v", err)
	}
	s.log.await(t, "action=tag, would=reject, reason=score")

	addr := startSpamd(t, &spamdtest.Server{Reply: spamdtest.Reply{Score: 7}})
	s.rewrite(t, s.config.Spamd.Servers[0].Addr, addr)
	s.signals <- syscall.SIGHUP
	s.log.await(t, "configuration reloaded: changed=spamd.servers")
	if err := s.send("a little spammy"); err != nil {
		t.Error(err)
	}
	s.log.await(t, "action=tag, reason=score, score=7,")
}

func TestReloadNamesWhatNeedsARestart(t *testing.T) {
	s := open(t, "")
	s.rewrite(t, `hostname = "filter.example"`, "hostname = \"other.example\"\ndrain = \"99s\"")
	s.signals <- syscall.SIGHUP
	s.log.await(t, "warning: these keys take effect with a restart: keys=server.hostname,server.drain")
	if s.server.Hostname != "filter.example" {
		t.Error("a running server was changed")
	}
}

func TestBadFileKeepsTheOldConfigurationLoudly(t *testing.T) {
	s := open(t, "")
	before := s.current.Load()
	s.rewrite(t, "[log]", "[policy]\nmode = \"observ\"\nreject = 5\n[log]")
	s.signals <- syscall.SIGHUP
	s.log.await(t, "error: configuration: problem=", ":15: policy.mode: \\\"observ\\\" is not one of them")
	s.log.await(t, "error: configuration: problem=", ":16: unknown key policy.reject; did you mean policy.reject_at?")
	s.log.await(t, "error: reload refused: the old configuration stays in force: problems=2")
	if s.current.Load() != before {
		t.Error("the judgement was replaced")
	}
	if !strings.Contains(scrape(t, s.metrics), "\nproxyfilter_config_last_reload_successful 0\n") {
		t.Error("the metric does not show it")
	}
	if err := s.send(spamdtest.GTUBE); err == nil {
		t.Error("spam went through")
	}
}

func TestFileThatIsGoneAtAReloadDoesNotPutTheDefaultsInForce(t *testing.T) {
	for _, test := range []struct {
		name  string
		named bool
	}{{"the default file", false}, {"a file that was named", true}} {
		t.Run(test.name, func(t *testing.T) {
			s := openAs(t, &spamdtest.Server{}, "[policy]\nmode = \"observe\"\n", test.named)
			if err := os.Remove(s.file); err != nil {
				t.Fatal(err)
			}
			s.signals <- syscall.SIGHUP
			s.log.await(t, "error: configuration: problem=", s.file+": no such file or directory")
			s.log.await(t, "error: reload refused: the old configuration stays in force: problems=1")
			if err := s.send(spamdtest.GTUBE); err != nil {
				t.Errorf("no longer observing: %v", err)
			}
		})
	}
}

func TestReloadIsRefusedWhenItsMixtureWithWhatRunsIsUnsound(t *testing.T) {
	s := open(t, "")
	s.rewrite(t, "[budget]", "[policy]\nreject_at = 5.5\n[budget]\nwait = \"50s\"\nverdict = \"55s\"")
	before := s.current.Load()
	s.signals <- syscall.SIGHUP
	s.log.await(t, "error: configuration: problem=", ":12: budget.verdict 45s is not above budget.wait 50s; in force until a restart: the running values of budget.verdict")
	s.log.await(t, "error: reload refused: the old configuration stays in force: problems=1")
	if s.current.Load() != before {
		t.Error("a part of it is in force")
	}
}

// rewrite changes the configuration file.
func (s *site) rewrite(t *testing.T, old, replacement string) {
	t.Helper()
	data, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(data), old, replacement, 1)
	if text == string(data) {
		t.Fatalf("%q is not in the file", old)
	}
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStopLetsAMessageFinish(t *testing.T) {
	scanning, goOn := make(chan struct{}), make(chan struct{})
	s := openWith(t, &spamdtest.Server{Choose: func(r spamdtest.Request) spamdtest.Reply {
		if r.Command != "PING" {
			close(scanning)
			<-goOn
		}
		return spamdtest.Reply{}
	}}, "")
	sent := make(chan error, 1)
	go func() { sent <- s.send("under way") }()
	<-scanning
	s.signals <- syscall.SIGTERM
	s.log.await(t, "stopping: signal=terminated, conversations=1")
	if _, err := ask(context.Background(), address{}, "http://"+s.status+"/readyz"); err == nil {
		t.Error("a stopping process is ready")
	}
	if _, err := ask(context.Background(), address{}, "http://"+s.status+"/healthz"); err != nil {
		t.Errorf("a stopping process is not well: %v", err)
	}
	s.signals <- syscall.SIGHUP
	s.log.await(t, "warning: stopping: no reload")
	close(goOn)
	// The conversation ends with the message, so SendMail's QUIT may find it closed.
	<-sent
	if err := <-s.done; err != nil {
		t.Error(err)
	}
	s.done = nil
	s.log.await(t, "action=accept, reason=clean")
	s.log.await(t, "stopped")
	if n := len(s.hop.Report().Delivered()); n != 1 {
		t.Errorf("%d messages delivered", n)
	}
}

func TestNextHopThatIsAwayIsSaidAtTheStart(t *testing.T) {
	s := open(t, "[listeners.other]\nlisten = [\"127.0.0.1:0\"]\nnext_hop = \"unix:/nonexistent\"\n")
	s.log.await(t, "warning: the next hop does not answer; mail is deferred until it does: next_hop=/nonexistent")
}

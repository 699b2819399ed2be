//go:build integration

package ship

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"proxyfilter/integration/rig"
)

func TestTheExampleInContainers(t *testing.T) {
	need(t, "debootstrap")
	s := up(t, oneMX())

	t.Run("one command shows both answers, and the client has its own address", func(t *testing.T) {
		said := s.compose("run", "--rm", "-T", "client", "sh", "-c", "hostname -i && two-messages")
		t.Log(said)
		refused := regexp.MustCompile(`GTUBE: +550 5\.7\.1 Message refused.*\(ref (\w+)\)`).FindStringSubmatch(said)
		if refused == nil || !regexp.MustCompile(`harmless: +250 2\.0\.0 Ok: queued as`).MatchString(said) {
			t.Fatal(said)
		}
		address := regexp.MustCompile(`(?m)^[0-9.]+`).FindString(said)
		all := s.records()
		if len(all) != 2 || !strings.HasSuffix(all[0].Client, "["+address+"]") || all[1].ID != refused[1] {
			t.Errorf("from %s, and the log has %+v", address, all)
		}
		if out := s.compose("exec", "-T", "proxyfilter", "/proxyfilter", "explain", refused[1]); !strings.Contains(out, "GTUBE") {
			t.Error(out)
		}
	})
	t.Run("the sidecar may do nothing", func(t *testing.T) {
		s.wantConfined()
	})
	t.Run("Postfix logs to stdout", func(t *testing.T) {
		if out := s.compose("logs", "--no-color", "postfix"); !strings.Contains(out, "proxy-accept: END-OF-MESSAGE") {
			t.Error(tail(out))
		}
	})
	t.Run("the sidecar is replaced under mail, and none is lost", func(t *testing.T) {
		s.replaceUnderMail()
	})
	t.Run("Postfix restarted alone is without its sidecar, and says so", func(t *testing.T) {
		s.compose("restart", "postfix")
		s.wait("answers 25")
		if _, err := s.try("exec", "-T", "postfix", "answers", "10024"); err == nil {
			t.Error("the sidecar is still there")
		}
		s.compose("restart", "proxyfilter")
		s.wait("answers 25 10024 10025")
	})
	t.Run("whatever makes Postfix anew makes its sidecar anew", func(t *testing.T) {
		s.compose("up", "-d") // nothing else is left to do
		before, changed := s.container("proxyfilter"), s.with("CHANGED=yes")
		changed.compose("up", "-d", "--always-recreate-deps")
		changed.healthy("proxyfilter", "postfix")
		network, postfix := s.inspect("proxyfilter", "{{.HostConfig.NetworkMode}}"), s.container("postfix")
		if s.container("proxyfilter") == before || network != "container:"+postfix {
			t.Errorf("the sidecar is in %s, and Postfix is %s", network, postfix)
		}
		changed.compose("run", "--rm", "-T", "client")
	})
}

// wantConfined asks the kernel, not Docker, what the process may do.
func (s stack) wantConfined() {
	s.t.Helper()
	process := "/proc/" + s.inspect("proxyfilter", "{{.State.Pid}}")
	for file, wants := range map[string][]string{
		"/status": {`Uid:\t10024\t`, `CapBnd:\t0+\n`, `CapEff:\t0+\n`, `NoNewPrivs:\t1\n`},
		"/mounts": {`(?m)^\S+ / \S+ ro,`, `(?m)^\S+ /var/lib/proxyfilter \S+ rw,`, `(?m)^\S+ /var/tmp \S+ rw,`},
	} {
		text, err := os.ReadFile(process + file)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, want := range wants {
			if !regexp.MustCompile(want).Match(text) {
				s.t.Errorf("no %s in %s:\n%s", want, file, text)
			}
		}
	}
}

// attempt is one message of a stream, and its answer.
type attempt struct {
	reply rig.Reply
	err   error
}

// stream sends one message after another until it is told to stop.
func (s stack) stream(ctx context.Context) <-chan []attempt {
	done := make(chan []attempt, 1)
	go func() {
		var all []attempt
		for ctx.Err() == nil {
			reply, err := s.send(context.WithoutCancel(ctx), letter{"carol@example.org", len(all)})
			all = append(all, attempt{reply, err})
		}
		done <- all
	}()
	return done
}

// replaceUnderMail upgrades the sidecar as README says. Each message must then be in
// the mailbox once if its client was told 250, and not at all if it was told 451;
// nothing else may be said.
func (s stack) replaceUnderMail() {
	s.t.Helper()
	next, before, postfix := s.with("VERSION=2.0.0"), s.container("proxyfilter"), s.container("postfix")
	next.compose("build", "proxyfilter") // as --build would, but it takes long and nothing happens meanwhile
	ctx, stop := context.WithCancel(s.t.Context())
	defer stop()
	done := s.stream(ctx)
	next.compose("up", "-d", "proxyfilter")
	if s.container("proxyfilter") == before || s.container("postfix") != postfix {
		s.t.Error("the sidecar was not replaced, or Postfix was as well")
	}
	s.healthy("proxyfilter")
	if out := s.compose("exec", "-T", "proxyfilter", "/proxyfilter", "version"); !strings.Contains(out, "2.0.0") {
		s.t.Error(out)
	}
	stop()
	all, mailbox := <-done, s.delivered()
	deferred := 0
	for n, a := range all {
		want := 1
		if a.reply.Code == 451 {
			want, deferred = 0, deferred+1
		}
		if a.err != nil || (a.reply.Code != 250 && a.reply.Code != 451) || mailbox[n] != want {
			s.t.Errorf("message %d is there %d times, and its client was told %v (%v)", n, mailbox[n], a.reply, a.err)
		}
	}
	if last := all[len(all)-1]; last.reply.Code != 250 || all[0].reply.Code != 250 {
		s.t.Errorf("the first was told %v, the last %v", all[0].reply, last.reply)
	}
	s.t.Logf("%d messages, %d of them told to come again", len(all), deferred)
}

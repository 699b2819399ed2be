//go:build integration

package ship

import (
	"regexp"
	"strings"
	"testing"
)

func TestTwoMXInContainersRememberTogether(t *testing.T) {
	need(t, "debootstrap")
	first := up(t, twoMX())
	second := first.second()
	lost := letter{slow, 0}
	queue := first.lose(lost)
	sent := []int{lost.number}
	next := func(t *testing.T, at stack) { // one that nobody has sent before, and that must arrive
		t.Helper()
		sent = append(sent, len(sent))
		reply, err := at.send(t.Context(), letter{"carol@example.org", len(sent) - 1})
		if err != nil || reply.Code != 250 {
			t.Fatalf("message %d was told %v (%v)\n%s", len(sent)-1, reply, err, tail(at.log()))
		}
	}

	t.Run("the second MX shows both answers too", func(t *testing.T) {
		said := first.compose("run", "--rm", "-T", "-e", "SERVER=postfix2", "client")
		if len(second.records()) != 2 {
			t.Error(said, second.log())
		}
	})
	t.Run("what a client did not hear from one MX it hears from the other, and there is one copy", func(t *testing.T) {
		second.wantTold(t, lost, queue)
	})
	t.Run("redis is for the filters, and what they do", func(t *testing.T) {
		first.wantPrivate(t)
	})
	t.Run("without redis mail goes on, and an MX still knows what it knew by itself", func(t *testing.T) {
		first.compose("rm", "-s", "-f", "redis")
		for range 7 { // more than it takes not to be asked any more
			next(t, first)
			next(t, second)
		}
		first.wantTold(t, lost, queue)
	})
	t.Run("a new redis knows what the old one was told", func(t *testing.T) {
		first.compose("up", "-d", "redis")
		second.until("the second MX uses redis again", func() bool {
			next(t, second)
			return strings.Contains(second.log(), "the store works again")
		})
		second.wantTold(t, lost, queue)
	})
	t.Run("and every message is there once", func(t *testing.T) {
		mailbox := first.delivered()
		for _, n := range sent {
			if mailbox[n] != 1 {
				t.Errorf("message %d is there %d times", n, mailbox[n])
			}
		}
	})
}

// slow is a sender whose mail the second listener of the first MX takes after 16 s
// only. By then a client may have hung up, and Postfix would not know.
const slow = "slow@example.org"

// lose hands a message to the first MX and hangs up after the final dot. It is taken
// all the same, and its queue id must be in redis then.
func (s stack) lose(l letter) (queue string) {
	s.t.Helper()
	client, reply, err := s.offer(s.t.Context(), l)
	if err != nil || reply.Code != 354 {
		s.t.Fatal(reply, err)
	}
	if _, err := client.Write(append(l.content(), ".\r\n"...)); err != nil {
		s.t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.until("the message is taken", func() bool { return len(s.records()) == 1 })
	if queue = s.records()[0].QueueID; queue == "" {
		s.t.Fatal(s.log())
	}
	s.until("redis has its queue id on the disk", func() bool {
		_, err := s.try("exec", "-T", "redis", "grep", "-rq", queue, "/var/lib/redis")
		return err == nil
	})
	return queue
}

// wantTold sends a message again that was delivered. It must be told what the one before
// should have been told, and must not be delivered again.
func (s stack) wantTold(t *testing.T, l letter, queue string) {
	t.Helper()
	reply, err := s.send(t.Context(), l)
	if err != nil || reply.String() != "250 2.0.0 Ok: queued as "+queue {
		t.Errorf("told %v (%v), want queue id %s\n%s", reply, err, queue, tail(s.log()))
	}
	all := s.records()
	if last := all[len(all)-1]; last.Reason != "duplicate" || last.QueueID != queue {
		t.Errorf("the record is %+v", last)
	}
	if n := s.delivered()[l.number]; n != 1 {
		t.Errorf("it is there %d times", n)
	}
}

// wantPrivate looks for redis from all sides.
func (s stack) wantPrivate(t *testing.T) {
	t.Helper()
	address := s.inspect("redis", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
	for service, want := range map[string]bool{"postfix": true, "postfix2": true, "spamd": false} {
		_, err := s.try("exec", "-T", service, "timeout", "5", "bash", "-c", ": </dev/tcp/"+address+"/6379")
		if got := err == nil; got != want {
			t.Errorf("%s reaches it: %v", service, got)
		}
	}
	if ports := s.inspect("redis", "{{json .HostConfig.PortBindings}}"); !regexp.MustCompile(`^({}|null)$`).MatchString(ports) {
		t.Error("it is published:", ports)
	}
	for _, not := range []string{"flushall", "keys '*'", "config get dir", "get other"} {
		if out := s.compose("exec", "-T", "redis", "sh", "-c", "redis-cli "+not); !strings.HasPrefix(out, "NOPERM") {
			t.Errorf("%s: %s", not, out)
		}
	}
}

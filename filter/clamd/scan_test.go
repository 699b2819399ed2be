package clamd_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"proxyfilter/filter"
	"proxyfilter/filter/clamd"
	"proxyfilter/filter/clamd/clamdtest"
	"proxyfilter/relay/relaytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lab is a clamd in memory, and the Scanner that asks it.
type lab struct {
	*clamd.Scanner
	server  clamdtest.Server
	door    *relaytest.Listener
	notices []clamd.Notice
}

func newLab(c clamd.Config, h clamdtest.Habits) *lab {
	l := &lab{door: relaytest.Listen()}
	l.server.Become(h)
	l.server.Start(l.door)
	c.Network, c.Address = "tcp", "clamd.example:3310"
	c.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { return l.door.Dial(ctx) }
	c.Notice = func(n clamd.Notice) { l.notices = append(l.notices, n) }
	l.Scanner = clamd.New(c)
	return l
}

func (l *lab) close() {
	l.Scanner.Close()
	l.server.Close()
}

func message(content string) filter.Message {
	return filter.Message{Content: strings.NewReader(content), Received: time.Now()}
}

// played runs a test in a bubble, with a message's time of 45 s.
func played(t *testing.T, c clamd.Config, h clamdtest.Habits, play func(*testing.T, context.Context, *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := newLab(c, h)
		ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
		defer cancel()
		play(t, ctx, l)
		l.close()
	})
}

func TestScan(t *testing.T) {
	long := strings.Repeat("0123456789abcd\r\n", 20<<10) // 320 KB: several writes
	for _, test := range []struct {
		name, content string
		virus         string
	}{
		{"nothing is found in an ordinary message", "Subject: hello\r\n\r\nhello\r\n", ""},
		{"nor in an empty one", "", ""},
		{"nor in a long one", long, ""},
		{"a virus is found", "Subject: hello\r\n\r\n" + clamdtest.Worm + "\r\n", clamdtest.WormName},
		{"a virus is found at the end of a long message", long + clamdtest.Worm, clamdtest.WormName},
	} {
		t.Run(test.name, func(t *testing.T) {
			played(t, clamd.Config{}, clamdtest.Habits{}, func(t *testing.T, ctx context.Context, l *lab) {
				f, err := l.Scan(ctx, message(test.content))
				want := filter.Finding{Source: "clamd", Server: "clamd.example:3310", Viruses: true}
				if test.virus != "" {
					want.Advice, want.Rules = filter.Reject, []filter.Rule{{Name: test.virus}}
					want.Text = "Message refused: it contains " + test.virus + " (ref {id}){contact}"
				}
				if diff := cmp.Diff(want, f); err != nil || diff != "" {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				if got := l.server.Messages(); len(got) != 1 || got[0] != test.content {
					t.Errorf("clamd got %d messages, and not the same bytes", len(got))
				}
			})
		})
	}
}

func TestFaults(t *testing.T) {
	const timeout = 30 * time.Second
	away := clamdtest.Habits{}
	for _, test := range []struct {
		name   string
		habits clamdtest.Habits
		away   bool
		cause  filter.Cause
		took   time.Duration // at most
		asked  int           // conversations
		text   string
	}{
		{"nobody listens, for as long as there is time", away, true, filter.CauseUnreachable, timeout, 0, "refused"},
		{"it hangs on connect", clamdtest.Habits{Hang: clamdtest.AtConnect}, false, filter.CauseTimeout, timeout, 1, "deadline"},
		{"it hangs in the message", clamdtest.Habits{Hang: clamdtest.AtMessage}, false, filter.CauseTimeout, timeout, 1, "deadline"},
		{"it hangs at the answer", clamdtest.Habits{Hang: clamdtest.AtReply}, false, filter.CauseTimeout, timeout, 1, "deadline"},
		{"it hangs in the answer", clamdtest.Habits{Hang: clamdtest.InReply}, false, filter.CauseTimeout, timeout, 1, "deadline"},
		{"it is too slow", clamdtest.Habits{Delay: time.Minute}, false, filter.CauseTimeout, timeout, 1, "deadline"},
		{"it closes on connect", clamdtest.Habits{Drop: clamdtest.AtConnect}, false, filter.CauseBroken, time.Second, 3, "closed without an answer"},
		{"it closes in the message", clamdtest.Habits{Drop: clamdtest.AtMessage}, false, filter.CauseBroken, time.Second, 3, "closed without an answer"},
		{"it closes before the answer", clamdtest.Habits{Drop: clamdtest.AtReply}, false, filter.CauseBroken, time.Second, 3, "closed without an answer"},
		{"it closes in the answer", clamdtest.Habits{Drop: clamdtest.InReply}, false, filter.CauseBroken, 0, 1, "ends in its middle"},
		{"it answers without an end", clamdtest.Habits{Endless: true}, false, filter.CauseBroken, 0, 1, "longer than"},
		{"it answers with something else", clamdtest.Habits{Say: "HTTP/1.1 400 Bad Request\r\n\r\n\x00"}, false, filter.CauseBroken, 0, 1, "cannot be read"},
		{"it answers with nothing", clamdtest.Habits{Say: "\x00"}, false, filter.CauseBroken, 0, 1, "cannot be read"},
		{"it answers without a NUL", clamdtest.Habits{Say: "stream: OK"}, false, filter.CauseBroken, 0, 1, "ends in its middle"},
		{"it answers twice", clamdtest.Habits{Say: "stream: OK\x00stream: X FOUND\x00"}, false, filter.CauseBroken, 0, 1, "came behind it"},
		{"it found something without a name", clamdtest.Habits{Say: "stream:  FOUND\x00"}, false, filter.CauseBroken, 0, 1, "cannot be read"},
		{"it waited in vain", clamdtest.Habits{Say: "COMMAND READ TIMED OUT\n"}, false, filter.CauseBroken, 0, 1, "ends in its middle"},
		{"it says that it cannot", clamdtest.Habits{Say: "Can't write to temporary\x1b file ERROR\x00"}, false, filter.CauseRefused, 0, 1, "temporary? file ERROR"},
		{"it takes next to nothing", clamdtest.Habits{StreamMaxLength: 1}, false, filter.CauseRefused, 0, 1, "StreamMaxLength"},
	} {
		t.Run(test.name, func(t *testing.T) {
			played(t, clamd.Config{Timeout: timeout}, test.habits, func(t *testing.T, ctx context.Context, l *lab) {
				l.door.Refuse(test.away)
				start := time.Now()
				f, err := l.Scan(ctx, message("Subject: hello\r\n\r\nhello\r\n"))
				var failure *filter.Failure
				if !errors.As(err, &failure) || failure.Cause != test.cause || !strings.Contains(err.Error(), test.text) {
					t.Errorf("got %v, want cause %q and %q", err, test.cause, test.text)
				}
				if took := time.Since(start); took > test.took || l.server.Conversations() != test.asked {
					t.Errorf("took %v for %d conversations", took, l.server.Conversations())
				}
				if f.Advice != filter.Undecided || !f.Viruses {
					t.Errorf("finding %+v", f)
				}
			})
		})
	}
}

func TestOddAnswersThatAreRight(t *testing.T) {
	for _, test := range []struct {
		name   string
		habits clamdtest.Habits
		want   []filter.Rule
	}{
		{"byte by byte", clamdtest.Habits{Dribble: true}, nil},
		{"late", clamdtest.Habits{Delay: 20 * time.Second}, nil},
		{
			"with a name that is no name",
			clamdtest.Habits{Say: "stream: a{id}\r\n, \xff" + strings.Repeat("x", 200) + " FOUND\x00"},
			[]filter.Rule{{Name: "a?id??????" + strings.Repeat("x", 90)}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			played(t, clamd.Config{Timeout: 30 * time.Second}, test.habits, func(t *testing.T, ctx context.Context, l *lab) {
				f, err := l.Scan(ctx, message("hello"))
				if diff := cmp.Diff(test.want, f.Rules); err != nil || diff != "" {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
			})
		})
	}
}

func TestARestartOfClamdCostsTimeAndNoMessage(t *testing.T) {
	played(t, clamd.Config{Timeout: 30 * time.Second}, clamdtest.Habits{}, func(t *testing.T, ctx context.Context, l *lab) {
		l.door.Refuse(true)
		time.AfterFunc(15*time.Second, func() { l.door.Refuse(false) })
		if f, err := l.Scan(ctx, message(clamdtest.Worm)); err != nil || f.Advice != filter.Reject {
			t.Errorf("got %+v, %v", f, err)
		}
		if len(l.notices) != 2 || l.notices[0].Event != clamd.ServerDown || l.notices[1].Event != clamd.ServerUp {
			t.Errorf("notices %v", l.notices)
		}
	})
}

func TestWhoComesInALongOutageIsToldAtOnce(t *testing.T) {
	played(t, clamd.Config{Timeout: 10 * time.Second, Outage: 45 * time.Second}, clamdtest.Habits{}, func(t *testing.T, _ context.Context, l *lab) {
		l.door.Refuse(true)
		_, _ = l.Scan(t.Context(), message("first"))
		time.Sleep(time.Minute)
		start := time.Now()
		_, err := l.Scan(t.Context(), message("second"))
		var failure *filter.Failure
		if took := time.Since(start); took > 0 || !errors.As(err, &failure) || failure.Blind < time.Minute {
			t.Errorf("took %v: %v", took, err)
		}
	})
}

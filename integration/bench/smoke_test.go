package main

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be the processes that it starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// testLab has real processes, and no proxyfilter to build.
func testLab(t *testing.T, spamd ...string) *lab {
	t.Helper()
	l, err := newLab(t.Context(), options{binary: "/nonexistent", size: 4096}, t.Output(), spamd...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	return l
}

func TestTheSinkHoldsEveryMessageOnce(t *testing.T) {
	l := testLab(t)
	for _, sessions := range []int{1, 20} {
		s, err := l.direct(t.Context(), load{sessions: sessions, messages: 300, size: 4096, timeout: 20 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if s.Accepted != 300 || s.rate() <= 0 || s.P50 <= 0 || s.P99 < s.P50 {
			t.Errorf("%d sessions: got %+v", sessions, s)
		}
	}
}

func TestALargeMessageArrivesWhole(t *testing.T) {
	l := testLab(t)
	if _, err := l.direct(t.Context(), load{sessions: 2, messages: 4, size: 3 << 20, timeout: 20 * time.Second}); err != nil {
		t.Fatal(err)
	}
}

func TestARunWhoseMessagesGoAstrayDoesNotCount(t *testing.T) {
	l := testLab(t)
	_, err := l.counted(t.Context(), load{addr: deadEnd(t), sessions: 2, messages: 5, size: 1024, timeout: 20 * time.Second})
	if err == nil || !strings.Contains(err.Error(), "sink has {Held:0") {
		t.Errorf("got %v", err)
	}
}

// deadEnd is a port that nobody listens on.
func deadEnd(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestConversationsWaitForEachOther(t *testing.T) {
	l := testLab(t)
	h := held{Conversations: 50}
	if err := l.crowd(t.Context(), &h, l.sink.Addr); err != nil {
		t.Fatal(err)
	}
	if h.Answered != 50 || h.Accepted != 50 {
		t.Errorf("got %+v", h)
	}
}

func TestSpamdAnswersAfterTheHalfClose(t *testing.T) {
	l := testLab(t, "-children", "1")
	conn, err := net.Dial("tcp", l.spamd.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("CHECK SPAMC/1.5\r\nContent-length: 3\r\n\r\na\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 200)
	n, err := conn.Read(got)
	if err != nil || !strings.HasPrefix(string(got[:n]), "SPAMD/1.1 0 EX_OK\r\n") {
		t.Errorf("got %q, %v", got[:n], err)
	}
	var seen tally
	if err := l.spamd.ask("", &seen); err != nil || seen != (tally{Scans: 1, Most: 1}) {
		t.Errorf("got %+v, %v", seen, err)
	}
}

func TestUsage(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want int
	}{
		{"no role is a usage error", nil, 2},
		{"an unknown role is a usage error", []string{"race"}, 2},
		{"a generator needs an address", []string{"load"}, 1},
		{"no sessions are no plan", []string{"run", "-sessions", "0"}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := run(test.args, strings.NewReader(""), t.Output(), t.Output()); got != test.want {
				t.Errorf("got exit %d, want %d", got, test.want)
			}
		})
	}
}

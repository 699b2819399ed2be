package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// notified is a systemd that keeps what it is told.
func notified(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return conn
}

// next is the next thing that systemd was told.
func next(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var room [512]byte
	n, err := conn.Read(room[:])
	if err != nil {
		t.Fatal(err)
	}
	return string(room[:n])
}

func TestSystemdIsToldOfEachStep(t *testing.T) {
	systemd := notified(t)
	s := open(t, "")
	if got := next(t, systemd); got != "READY=1\nSTATUS=serving" {
		t.Errorf("start: %q", got)
	}
	s.signals <- syscall.SIGHUP
	reloading := next(t, systemd)
	usec, found := strings.CutPrefix(strings.TrimSpace(reloading), "RELOADING=1\nMONOTONIC_USEC=")
	if _, err := strconv.ParseUint(usec, 10, 64); !found || err != nil {
		t.Errorf("reload: %q", reloading)
	}
	if got := next(t, systemd); got != "READY=1\nSTATUS=serving" {
		t.Errorf("reloaded: %q", got)
	}
	s.stop(t)
	if got := next(t, systemd); !strings.HasPrefix(got, "STOPPING=1\nEXTEND_TIMEOUT_USEC=110000000\n") {
		t.Errorf("stop: %q", got)
	}
}

func TestWatchdogIsFedWhileTheProcessLives(t *testing.T) {
	systemd := notified(t)
	t.Setenv("WATCHDOG_USEC", "20000")
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { manager{zerolog.Nop()}.watchdog(ctx, func() bool { return true }) })
	if got := next(t, systemd); got != "WATCHDOG=1" {
		t.Errorf("%q", got)
	}
	cancel()
	running.Wait()
}

func TestWithoutSystemdNobodyIsTold(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	var b strings.Builder
	m := manager{zerolog.New(&b)}
	m.ready("serving")
	m.watchdog(context.Background(), nil)
	if b.Len() > 0 {
		t.Error(b.String())
	}
}

func TestSystemdThatIsGoneIsAWarning(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))
	var b strings.Builder
	manager{zerolog.New(&b)}.ready("serving")
	if !strings.Contains(b.String(), "systemd was not told") {
		t.Error(b.String())
	}
}

func TestSocketOfSystemdIsServed(t *testing.T) {
	passed, at := passable(t)
	log := &logBook{}
	// sd_listen_fds(3): the sockets begin at 3 and belong to the process of LISTEN_PID.
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec proxyfilter serve -o server.listen=systemd:smtp \
		-o spamd.servers=none -o status.listen= -o log.format=postfix -o relay.next_hop=127.0.0.1:1`)
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1", "LISTEN_FDNAMES=smtp")
	cmd.ExtraFiles = []*os.File{passed}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log.await(t, "serving: ", "listen="+at)
	(&site{smtp: at}).conversation(t).Close()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestServeEndsWithTwoWhenASocketIsAskedForByNoKey(t *testing.T) {
	passed, _ := passable(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second) // it would serve for ever
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", `LISTEN_PID=$$ exec proxyfilter serve -o server.listen=127.0.0.1:0 -o status.listen=`)
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1", "LISTEN_FDNAMES=proxyfilter.socket")
	cmd.ExtraFiles = []*os.File{passed}
	said, err := cmd.CombinedOutput()
	want := "proxyfilter: systemd passed sockets that no listen key asks for: proxyfilter.socket ("
	if cmd.ProcessState.ExitCode() != exitUsage || !strings.HasPrefix(string(said), want) {
		t.Errorf("%v: %s", err, said)
	}
}

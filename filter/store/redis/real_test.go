package redis

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"proxyfilter/integration/rig"

	"github.com/redis/go-redis/v9"
)

// real is a redis-server of this test alone, on a socket in a directory of its own.
type real struct {
	dir    string
	args   []string
	cmd    *exec.Cmd
	output bytes.Buffer
}

// started is one with further settings, such as "--requirepass", "x".
func started(t testing.TB, settings ...string) *real {
	t.Helper()
	dir, err := os.MkdirTemp("", "redis") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	r := &real{dir: dir, args: append([]string{
		"--port", "0", "--unixsocket", filepath.Join(dir, "socket"), "--dir", dir, "--save", "", "--daemonize", "no",
	}, settings...)}
	t.Cleanup(func() {
		r.kill(t)
		os.RemoveAll(dir)
		if t.Failed() {
			t.Log(r.output.String())
		}
	})
	r.start(t)
	return r
}

func (r *real) start(t testing.TB) {
	t.Helper()
	rig.Need(t, "redis-server")
	r.cmd = exec.Command(rig.Program("redis-server"), r.args...)
	r.cmd.Stdout, r.cmd.Stderr = &r.output, &r.output
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	admin := r.admin(t)
	for {
		err := admin.Ping(ctx).Err()
		var reply redis.Error
		if err == nil || errors.As(err, &reply) && !strings.HasPrefix(err.Error(), "LOADING") {
			return
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

func (r *real) kill(t testing.TB) {
	t.Helper()
	if r.cmd == nil || r.cmd.Process == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait() // it was killed
	r.cmd = nil
}

func (r *real) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// server is where it is, without a password.
func (r *real) server() Server {
	return Server{Network: "unix", Address: filepath.Join(r.dir, "socket")}
}

// admin is a client that can do everything.
func (r *real) admin(t testing.TB) *redis.Client {
	t.Helper()
	password := ""
	for i, a := range r.args {
		if a == "--requirepass" {
			password = r.args[i+1]
		}
	}
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: r.server().Address, Password: password})
	t.Cleanup(func() { c.Close() })
	return c
}

// patient is a store whose server is asked for as long as a slow machine may take.
func patient(t *testing.T, s Server) *Store {
	t.Helper()
	return closed(t, New(Config{Server: s, Timeout: time.Minute, Pause: time.Millisecond}))
}

func closed(t *testing.T, s *Store) *Store {
	t.Helper()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// works waits until the store can be used.
func works(t *testing.T, s *Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		err := s.Check(t.Context())
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

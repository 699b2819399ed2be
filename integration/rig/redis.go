package rig

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Redis is a private redis-server that keeps what it has written (WaitFor) also when it
// is killed, in a directory of its own.
type Redis struct {
	*Daemon
	URLFile string // for store.url_file; the password is in it

	dir, address, password string
	log                    *Log
}

// StartRedis starts one. It belongs to no site, because several share it.
func StartRedis(ctx context.Context, dir, password string) (*Redis, error) {
	r := &Redis{URLFile: filepath.Join(dir, "url"), dir: dir, password: password, log: NewLog(nil)}
	if err := freeAddresses(&r.address); err != nil {
		return nil, err
	}
	if err := os.WriteFile(r.URLFile, []byte("redis://:"+password+"@"+r.address+"/0\n"), 0o640); err != nil {
		return nil, err
	}
	return r, r.Start(ctx)
}

// Start starts it again after it has ended.
func (r *Redis) Start(ctx context.Context) (err error) {
	host, port, err := net.SplitHostPort(r.address)
	if err != nil {
		return err
	}
	cmd := exec.Command(Program("redis-server"), "--bind", host, "--port", port, "--dir", r.dir, "--requirepass", r.password,
		"--save", "", "--appendonly", "yes", "--appendfsync", "everysec")
	if r.Daemon, err = start(cmd, r.log); err != nil {
		return fmt.Errorf("start redis-server: %w", err)
	}
	if err := WaitListening(ctx, r.address); err != nil {
		return fmt.Errorf("start redis-server: %w\n%s", err, r.log.Tail(10))
	}
	return nil
}

// Stop ends it.
func (r *Redis) Stop() error {
	if r == nil {
		return nil
	}
	return r.Daemon.Stop()
}

// WaitFor waits until a text is in the files that it has written. Only the end of the
// machine could take it away then, and no test ends that.
func (r *Redis) WaitFor(ctx context.Context, text string) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !r.holds(text) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for redis to have %q: %w", text, ctx.Err())
		}
	}
	return nil
}

func (r *Redis) holds(text string) bool {
	found := false
	_ = filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		found = found || bytes.Contains(content, []byte(text))
		return err
	})
	return found
}

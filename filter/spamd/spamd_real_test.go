//go:build integration

package spamd_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"proxyfilter/filter/spamd"
	"proxyfilter/integration/rig"
)

// realSpamd is a spamd of the system's package with a configuration of its own.
type realSpamd struct {
	spamd.Server
	cmd   *exec.Cmd
	lines chan string // what it logs
}

func startReal(t *testing.T, config string, args, env []string) *realSpamd {
	t.Helper()
	rig.Need(t, "spamd")
	dir := siteDirectory(t, config)
	free, err := rig.FreeAddresses(1)
	if err != nil {
		t.Fatal(err)
	}
	address := free[0]
	s := &realSpamd{Server: spamd.Server{Network: "tcp", Address: address, Slots: 2}, lines: make(chan string, 10000)}
	s.cmd = exec.Command(rig.Program("spamd"), append([]string{
		"--listen=" + address, "--local", "--nouser-config", "--max-children=3", "--min-children=3", "--max-spare=3",
		"--siteconfigpath=" + dir, "--configpath=/usr/share/spamassassin", "--helper-home-dir=" + dir, "--syslog=stderr",
	}, append(user(), args...)...)...)
	s.cmd.Env = append(os.Environ(), append([]string{"LC_ALL=C"}, env...)...)
	s.run(t)
	return s
}

func user() []string {
	if os.Getuid() == 0 {
		return []string{"--username=nobody"} // spamd refuses to scan as root
	}
	return nil
}

// siteDirectory is readable for the user that spamd runs as.
func siteDirectory(t *testing.T, config string) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	plugins, _ := filepath.Glob("/etc/spamassassin/*.pre")
	for _, p := range plugins {
		if err := os.Symlink(p, filepath.Join(dir, filepath.Base(p))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "local.cf"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// run starts it, waits until it listens, and ends it with the test.
func (s *realSpamd) run(t *testing.T) {
	t.Helper()
	log, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.lines)
		for in := bufio.NewScanner(log); in.Scan(); {
			s.lines <- in.Text()
		}
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGTERM) // its own group: the parent and its children
		for range s.lines {
		}
		_ = s.cmd.Wait()
	})
	s.expect(t, "server started on")
}

func (s *realSpamd) expect(t *testing.T, words string) {
	t.Helper()
	limit := time.After(time.Minute)
	var seen []string
	for {
		select {
		case line, ok := <-s.lines:
			seen = append(seen, line)
			if strings.Contains(line, words) {
				return
			}
			if ok {
				continue
			}
		case <-limit:
		}
		t.Fatalf("spamd never said %q:\n%s", words, strings.Join(seen, "\n"))
	}
}

func (s *realSpamd) scanner(t *testing.T, c spamd.Config) *spamd.Scanner {
	t.Helper()
	c.Servers = []spamd.Server{s.Server}
	scanner := spamd.New(c)
	t.Cleanup(scanner.Close)
	return scanner
}

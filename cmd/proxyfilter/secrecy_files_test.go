package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"proxyfilter/filter/spamd/spamdtest"
)

// files are those below a directory, if there is one.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && entry.Type().IsRegular() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestCoreDumpsAreOffUnlessTheyAreAskedFor(t *testing.T) {
	for _, test := range []struct {
		name, traceback string
		dumpable        bool
	}{
		{"usually", "all", false},
		{"on request", "crash", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("GOTRACEBACK", test.traceback)
			s := backend(t, &spamdtest.Server{})
			p := s.serving(t, "127.0.0.1:0", nil)
			defer p.Wait()
			defer p.Process.Signal(syscall.SIGTERM)
			log, _ := p.log.read() // what is remarked stands before "serving"
			if warned := strings.Contains(log, "warning: a core dump may hold the mail under way"); warned != test.dumpable {
				t.Error("warned:", warned)
			}
			// The kernel gives the files of a process that may not be dumped to root. What
			// root's own processes have does not tell.
			info, err := os.Stat(fmt.Sprintf("/proc/%d/environ", p.Process.Pid))
			if err != nil {
				t.Fatal(err)
			}
			if os.Getuid() != 0 && (info.Sys().(*syscall.Stat_t).Uid == 0) == test.dumpable {
				t.Error("other processes of our user can read the memory:", !test.dumpable)
			}
		})
	}
}

func TestSpoolFilesHaveNoNameAndAreForNobodyElse(t *testing.T) {
	spamd, scanning, goOn := holding(marker)
	s := backend(t, spamd)
	// The kernel shows the descriptors of a process that may not be dumped to root only.
	t.Setenv("GOTRACEBACK", "crash")
	dir := t.TempDir()
	t.Setenv("PROXYFILTER_BUDGET_SPOOL_DIR", dir)
	p := s.serving(t, "127.0.0.1:0", nil)
	s.smtp = p.address(t)
	sent := make(chan error, 1)
	go func() { sent <- s.deliver(secret(strings.Repeat("large\r\n", 100_000))) }()
	<-scanning
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("in the directory: %v %v", entries, err)
	}
	var spools int
	descriptors, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range descriptors {
		to, err := os.Readlink(fd)
		if err != nil || !strings.HasPrefix(to, dir) {
			continue
		}
		spools++
		info, err := os.Stat(fd)
		if err != nil {
			t.Fatal(err)
		}
		if links := info.Sys().(*syscall.Stat_t).Nlink; links != 0 || info.Mode().Perm() != 0o600 || !strings.HasSuffix(to, " (deleted)") {
			t.Errorf("%s has mode %v and %d names", to, info.Mode(), links)
		}
	}
	if spools != 1 {
		t.Errorf("%d spool files in use, want 1", spools)
	}
	close(goOn)
	if err := <-sent; err != nil {
		t.Error(err)
	}
	p.Process.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
}

func TestFilesAreForNobodyElse(t *testing.T) {
	umask := syscall.Umask(0) // the loosest there is
	defer syscall.Umask(umask)
	s := open(t, "")
	if err := s.send("hello"); err != nil {
		t.Fatal(err)
	}
	s.stop(t)
	all := append(files(t, s.config.Journal.Dir), s.config.Store.Path)
	if len(all) < 3 {
		t.Errorf("only %q", all)
	}
	for _, file := range all {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
}

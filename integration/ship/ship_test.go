//go:build integration

// Package ship tests what administrators install: the package on a Debian system
// that was booted for it, and the images. It needs a Docker engine and no registry:
// the base image is made here, from the distribution's packages.
package ship

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"proxyfilter/integration/rig"
)

// patience bounds one command. Making an image takes a minute or two.
const patience = 10 * time.Minute

// shop is what all tests share, each made when it is first wanted.
type shop struct {
	dir  string
	old  func() (product, error) // the packages of one version, for all architectures
	next func() (product, error) // of the next one, for this machine's

	release string // codename of the one that the package is tried on; empty: this host's own
}

// ours is set by TestMain, and read by tests only.
var ours shop

func TestMain(m *testing.M) {
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	root, err := rig.Root()
	if err == nil {
		ours.dir, err = os.MkdirTemp("", "proxyfilter-ship-")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(ours.dir)
	ours.old = sync.OnceValues(func() (product, error) { return makeDist(root, filepath.Join(ours.dir, "old"), "1.0.0") })
	ours.next = sync.OnceValues(func() (product, error) {
		return makeDist(root, filepath.Join(ours.dir, "next"), "1.0.1", runtime.GOARCH)
	})
	flag.StringVar(&ours.release, "release", "", "try the package on this `codename` of the distribution, such as trixie")
	defer sweep()
	return m.Run()
}

// need skips the test where Docker is missing or may not be used, in CI too: nobody
// installs an engine for a test.
func need(t *testing.T, programs ...string) {
	t.Helper()
	if exec.Command("docker", "info").Run() != nil {
		rig.Cannot(t, "there is no Docker engine that answers `docker info`")
	}
	if os.Geteuid() != 0 {
		rig.Cannot(t, "debootstrap needs root")
	}
	rig.Need(t, programs...)
}

// command runs a program and gives what it printed. A failure ends the test.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := try(t.Context(), name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, tail(out))
	}
	return out
}

// try is command, where a failure is an answer.
func try(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, rig.Program(name), args...)
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=0", "COMPOSE_DOCKER_CLI_BUILD=0")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func tail(out string) string {
	const enough = 4000
	return out[max(0, len(out)-enough):]
}

// root is the directory of the project.
func root(t *testing.T) string {
	t.Helper()
	dir, err := rig.Root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// container is a running one, gone with the test.
type container struct {
	t    *testing.T
	name string
}

// start runs an image under a name of the test's own.
func start(t *testing.T, image string, options ...string) container {
	t.Helper()
	c := container{t, fmt.Sprintf("proxyfilter-test-%d-%s", os.Getpid(), strings.ToLower(filepath.Base(t.Name())))}
	args := append([]string{"run", "-d", "--name", c.name}, options...)
	t.Cleanup(func() { try(context.Background(), "docker", "rm", "-f", "-v", c.name) })
	command(t, "docker", append(args, image)...)
	return c
}

// shell runs a script in the container and gives what it printed.
func (c container) shell(script string) string {
	c.t.Helper()
	out, err := c.attempt(script)
	if err != nil {
		log, _ := try(context.Background(), "docker", "exec", c.name, "journalctl", "--no-pager", "-n", "40")
		c.t.Fatalf("%s\n%v\n%s\n%s", script, err, tail(out), tail(log))
	}
	return out
}

func (c container) attempt(script string) (string, error) {
	return try(c.t.Context(), "docker", "exec", c.name, "sh", "-c", script)
}

// until runs a script again and again until it succeeds.
func (c container) until(script string) {
	c.t.Helper()
	c.shell("n=0; until " + script + "; do n=$((n+1)); [ $n -lt 240 ] || exit 1; sleep 0.25; done")
}

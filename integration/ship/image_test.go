//go:build integration

package ship

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// golang is an image with this host's Go, and with the modules that the program needs:
// a build there needs neither a registry nor a module proxy, nor any network. It is
// kept for the next run, with what Go has compiled for it.
func golang(t *testing.T) string {
	t.Helper()
	sum, err := os.ReadFile(filepath.Join(root(t), "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	image := fmt.Sprintf("proxyfilter-test/go:%.12x", sha256.Sum256(append(sum, runtime.Version()...)))
	if _, err := try(t.Context(), "docker", "image", "inspect", image); err == nil {
		return image
	}
	t.Logf("no image with Go yet: %s is made from %s", image, runtime.Version())
	c := create(t, debian(t))
	command(t, "docker", "cp", strings.TrimSpace(command(t, "go", "env", "GOROOT")), c.name+":/usr/local/go")
	command(t, "docker", "cp", modules(t), c.name+":/modules")
	command(t, "docker", "commit", "-c", "LABEL "+mark, "-c", "ENV PATH=/usr/local/go/bin:/usr/bin:/bin GOTOOLCHAIN=local GOMODCACHE=/modules GOPROXY=off", c.name, image)
	dockerfile := filepath.Join(t.TempDir(), "Dockerfile")
	text := "FROM " + image + "\nWORKDIR /warm\nCOPY . .\nRUN CGO_ENABLED=0 go build -trimpath -o /dev/null ./cmd/proxyfilter && rm -rf /warm/*\n"
	if err := os.WriteFile(dockerfile, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	command(t, "docker", "build", "-q", "--network", "none", "-t", image, "-f", dockerfile, root(t))
	return image
}

// mark is a label that images inherit. What a build leaves without a name, which is the
// stage that compiles, has it too, and is removed when all tests are through.
const mark = "proxyfilter.test=yes"

func sweep() {
	try(context.Background(), "docker", "image", "prune", "-f", "--filter", "label="+mark)
}

// modules is a module cache with what go.mod lists and nothing else, taken from the
// host's own where it has it.
func modules(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "modules")
	words := strings.Fields(command(t, "go", "env", "GOMODCACHE", "GOPROXY"))
	command(t, "env", "-C", root(t), "GOMODCACHE="+dir, "GOFLAGS=-modcacherw", "GOPROXY=file://"+words[0]+"/cache/download,"+words[1], "go", "mod", "download")
	return dir
}

// create makes a container and does not start it.
func create(t *testing.T, image string) container {
	t.Helper()
	c := container{t, "proxyfilter-test-" + strconv.Itoa(os.Getpid()) + "-" + filepath.Base(t.TempDir())}
	t.Cleanup(func() { try(context.Background(), "docker", "rm", "-f", "-v", c.name) })
	command(t, "docker", "create", "--name", c.name, image, "nothing")
	return c
}

// program is the checksum of the program in an image, and its size.
func program(t *testing.T, image string) (sum string, size int64) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "proxyfilter")
	command(t, "docker", "cp", create(t, image).name+":/proxyfilter", file)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data)), int64(len(data))
}

func TestTheImageHoldsTheSameProgramInEveryBuildAndNothingElse(t *testing.T) {
	need(t, "debootstrap")
	const image = "proxyfilter-test/proxyfilter"
	// As the example in containers is built, so that the engine still has the first one.
	args := []string{"build", "-q", "--network", "none", "--build-arg", "GO_IMAGE=" + golang(t), "--build-arg", "VERSION=unknown", "--label", mark, "-t", image}
	command(t, "docker", append(args, root(t))...)
	first, _ := program(t, image)
	command(t, "docker", append(args, "--no-cache", copyOf(t, root(t)))...)
	second, size := program(t, image)
	if first != second {
		t.Errorf("two builds gave %s and %s", first, second)
	}
	whole, err := strconv.ParseInt(strings.TrimSpace(command(t, "docker", "image", "inspect", "-f", "{{.Size}}", image)), 10, 64)
	if err != nil || whole > 20_000_000 || whole > size+1<<16 {
		t.Errorf("the image has %d bytes, the program %d (%v)", whole, size, err)
	}
	t.Logf("%d bytes, built twice without a network", whole)
	wantOrderly(t, image)
}

// wantOrderly starts the image with nothing around it. As the first process of its
// container it must answer its own health check, and end when it is told, not when it is
// killed.
func wantOrderly(t *testing.T, image string) {
	t.Helper()
	c := start(t, image, "--network", "none", "--read-only", "--cap-drop", "ALL")
	healthy := func() bool {
		_, err := try(t.Context(), "docker", "exec", c.name, "/proxyfilter", "health")
		return err == nil
	}
	for n := 0; !healthy(); n++ {
		if n == 100 {
			t.Fatal(command(t, "docker", "logs", c.name))
		}
	}
	command(t, "docker", "stop", "-t", "110", c.name)
	if code := strings.TrimSpace(command(t, "docker", "inspect", "-f", "{{.State.ExitCode}}", c.name)); code != "0" {
		t.Errorf("it ended with %s:\n%s", code, command(t, "docker", "logs", c.name))
	}
}

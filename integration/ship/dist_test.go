//go:build integration

package ship

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"proxyfilter/integration/rig"
)

// product is what dist.sh has made, in a directory.
type product struct {
	dir  string
	sums string // SHA256SUMS
}

// makeDist runs dist.sh of the project that is in root.
func makeDist(root, into, version string, archs ...string) (product, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", append([]string{"integration/dist/dist.sh"}, archs...)...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "VERSION="+version, "SOURCE_DATE_EPOCH=1790000000", "DIST="+into)
	if out, err := cmd.CombinedOutput(); err != nil {
		return product{}, fmt.Errorf("dist.sh: %w\n%s", err, tail(string(out)))
	}
	sums, err := os.ReadFile(filepath.Join(into, "SHA256SUMS"))
	return product{into, string(sums)}, err
}

// deb is the package for one architecture.
func (p product) deb(t *testing.T, arch string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(p.dir, "*_"+arch+".deb"))
	if err != nil || len(found) != 1 {
		t.Fatalf("packages for %s: %q (%v)", arch, found, err)
	}
	return found[0]
}

// must gives what was made once for all tests.
func must[T any](t *testing.T, made func() (T, error)) T {
	t.Helper()
	value, err := made()
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// copyOf puts the project at another path.
func copyOf(t *testing.T, root string) string {
	t.Helper()
	dir := t.TempDir()
	command(t, "sh", "-c", `tar -C "$0" --exclude=./.git --exclude=./dist -cf - . | tar -C "$1" -xf -`, root, dir)
	return dir
}

func TestTheSameSourcesGiveTheSamePackagesWhereverTheyAre(t *testing.T) {
	first := must(t, ours.old)
	again, err := makeDist(copyOf(t, root(t)), t.TempDir(), "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	if first.sums != again.sums {
		t.Errorf("there were\n%sand then\n%s", first.sums, again.sums)
	}
	for _, name := range []string{"_amd64.deb", "_arm64.deb", "-linux-amd64.tar.gz", "-linux-arm64.tar.gz"} {
		if !strings.Contains(first.sums, name+"\n") {
			t.Errorf("there is no %s:\n%s", name, first.sums)
		}
	}
}

func TestLintianFindsNothing(t *testing.T) {
	rig.Need(t, "lintian")
	deb := must(t, ours.old).deb(t, "amd64")
	out, err := try(t.Context(), "lintian", "--allow-root", "--fail-on", "error,warning", deb)
	if err != nil || strings.TrimSpace(out) != "" {
		t.Error(errors.Join(err, errors.New(out)))
	}
}

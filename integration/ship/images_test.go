//go:build integration

package ship

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// debian is a bare image of this host's own distribution.
func debian(t *testing.T) string {
	t.Helper()
	return bare(t, release(t, "VERSION_CODENAME"))
}

// bare is an image of a release of this host's distribution, made with debootstrap
// from where the host gets its packages. It is kept for the next run.
func bare(t *testing.T, codename string) string {
	t.Helper()
	image := "proxyfilter-test/" + release(t, "ID") + ":" + codename
	if _, err := try(t.Context(), "docker", "image", "inspect", image); err == nil {
		return image
	}
	t.Logf("no base image yet: debootstrap makes %s", image)
	own := release(t, "VERSION_CODENAME")
	dir := filepath.Join(t.TempDir(), "root")
	command(t, "debootstrap", "--variant=minbase", codename, dir, mirror(t, own))
	takeAlong(t, dir, "/etc/apt/apt.conf.d")
	if codename == own { // another one has the source that debootstrap has written, and its own keys
		takeAlong(t, dir, "/etc/apt/sources.list", "/etc/apt/sources.list.d", "/etc/apt/trusted.gpg.d", "/usr/share/keyrings")
	}
	command(t, "sh", "-c", "tar -C "+dir+" -c . | docker import - "+image)
	return image
}

// release is one word of os-release(5).
func release(t *testing.T, key string) string {
	t.Helper()
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^` + key + `="?([^"\n]*)`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("no %s in /etc/os-release", key)
	}
	return string(found[1])
}

// mirror is where apt gets the release from.
func mirror(t *testing.T, codename string) string {
	t.Helper()
	sites := command(t, "apt-get", "indextargets", "--format", "$(CODENAME) $(SITE)", "Created-By: Packages")
	for line := range strings.Lines(sites) {
		if name, site, _ := strings.Cut(strings.TrimSpace(line), " "); name == codename {
			return site
		}
	}
	t.Fatalf("apt knows no source of %s; run `apt-get update`:\n%s", codename, sites)
	return ""
}

// takeAlong gives the image these parts of the host's settings of apt.
func takeAlong(t *testing.T, dir string, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			command(t, "cp", "-a", "-L", path, filepath.Join(dir, filepath.Dir(path)))
			continue
		}
		os.Remove(filepath.Join(dir, path)) // debootstrap's own sources.list
	}
}

// booted is an image with systemd, Postfix and spamd, as a host has them. By the
// argument a systemd of 256 or later goes on under cgroup v1, too.
func booted(t *testing.T, codename string) string {
	t.Helper()
	return build(t, "proxyfilter-test/booted:"+codename, "FROM "+bare(t, codename)+`
RUN apt-get update -q && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
        systemd systemd-sysv dbus procps postfix spamassassin spamd swaks && \
    systemctl enable spamd
CMD ["/lib/systemd/systemd", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"]
`)
}

// build makes an image of a Dockerfile that needs no files. The host's network is
// lent, because a package mirror may be reachable from nowhere else.
func build(t *testing.T, image, dockerfile string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644); err != nil {
		t.Fatal(err)
	}
	command(t, "docker", "build", "-q", "--network", "host", "-t", image, dir)
	return image
}

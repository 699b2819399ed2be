//go:build integration

package ship

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"proxyfilter/integration/rig"
)

// stack is examples/compose, running, as it is seen from one MX.
type stack struct {
	t         *testing.T
	addresses []string // where port 25 of each MX is published
	mx        string   // what the names of its services end in: "", or "2" for the second
	command   []string // docker compose, or docker-compose, with its settings
}

// address is where port 25 of this MX is published.
func (s stack) address() string {
	if s.mx == "" {
		return s.addresses[0]
	}
	return s.addresses[1]
}

// second is the stack as it is seen from the second MX.
func (s stack) second() stack {
	s.mx = "2"
	return s
}

// composer is the program that the machine has for compose files.
func composer(t *testing.T) []string {
	t.Helper()
	if _, err := try(t.Context(), "docker", "compose", "version"); err == nil {
		return []string{"docker", "compose"}
	}
	rig.Need(t, "docker-compose")
	return []string{"docker-compose"}
}

// up starts the stack with images that are built on base images made here.
func up(t *testing.T, p plan) stack {
	t.Helper()
	free, err := rig.FreeAddresses(2)
	if err != nil {
		t.Fatal(err)
	}
	s := stack{t: t, addresses: free}
	s.command = append([]string{
		"env", "BASE_IMAGE=" + debian(t), "GO_IMAGE=" + golang(t), "SPAMD_OPTIONS=--local",
		"SMTP_PORT=" + free[0], "SMTP_PORT2=" + free[1],
	}, composer(t)...)
	s.command = append(s.command, "-p", "proxyfilter-test")
	for _, file := range p.files {
		s.command = append(s.command, "-f", filepath.Join(root(t), "examples/compose", file))
	}
	s.command = append(s.command, "-f", p.lend(t))
	s.down()
	t.Cleanup(s.down)
	s.compose("build", "client")
	s.compose("up", "-d", "--build")
	s.healthy(p.services()...)
	return s
}

// down also removes the volumes. The images stay for the next run.
func (s stack) down() {
	args := append(s.command[1:len(s.command):len(s.command)], "down", "-v", "-t", "1", "--remove-orphans")
	if out, err := try(context.Background(), s.command[0], args...); err != nil {
		s.t.Errorf("down: %v\n%s", err, tail(out))
	}
}

// compose gives what a subcommand printed.
func (s stack) compose(args ...string) string {
	s.t.Helper()
	return command(s.t, s.command[0], append(s.command[1:len(s.command):len(s.command)], args...)...)
}

// try is compose, where a failure is an answer.
func (s stack) try(args ...string) (string, error) {
	return try(s.t.Context(), s.command[0], append(s.command[1:len(s.command):len(s.command)], args...)...)
}

// wait runs a script in this MX's Postfix container again and again until it succeeds.
func (s stack) wait(script string) {
	s.t.Helper()
	s.compose("exec", "-T", "postfix"+s.mx, "sh", "-c", "n=0; until "+script+"; do n=$((n+1)); [ $n -lt 150 ] || exit 1; sleep 0.2; done")
}

// with is the stack with one more setting in the environment.
func (s stack) with(setting string) stack {
	s.command = append([]string{"env", setting}, s.command...)
	return s
}

// container is the id of a service's container.
func (s stack) container(service string) string {
	s.t.Helper()
	return strings.TrimSpace(s.compose("ps", "-q", service))
}

// inspect is one value of `docker inspect`, by a Go template.
func (s stack) inspect(service, template string) string {
	s.t.Helper()
	return strings.TrimSpace(command(s.t, "docker", "inspect", "-f", template, s.container(service)))
}

// healthy waits until Docker says so of all these services.
func (s stack) healthy(services ...string) {
	s.t.Helper()
	for _, service := range services {
		s.until(service+" is healthy", func() bool { return s.inspect(service, "{{.State.Health.Status}}") == "healthy" })
	}
}

// until waits for what a command can tell, and asks twice a second.
func (s stack) until(what string, done func() bool) {
	s.t.Helper()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(3 * time.Minute); !done(); {
		select {
		case <-tick.C:
		case <-late:
			health, _ := try(s.t.Context(), "sh", "-c", "docker inspect -f '{{.Name}} {{json .State.Health}}' $(docker ps -q)")
			s.t.Fatalf("not within three minutes: %s\n%s\n%s", what, tail(health), tail(s.compose("logs", "--no-color")))
		}
	}
}

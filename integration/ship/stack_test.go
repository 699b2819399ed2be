//go:build integration

package ship

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"proxyfilter/integration/rig"
)

// stack is examples/compose, running.
type stack struct {
	t       *testing.T
	address string   // where port 25 is published
	command []string // docker compose, or docker-compose, with its settings
}

// composer is the program that the machine has for compose files.
func composer(t *testing.T) []string {
	t.Helper()
	if _, err := try(t.Context(), "docker", "compose", "version"); err == nil {
		return []string{"docker", "compose"}
	}
	if rig.Lacking("docker-compose") == nil {
		return []string{"docker-compose"}
	}
	rig.Cannot(t, "neither `docker compose` nor docker-compose is there")
	return nil
}

// up starts the stack with images that are built on base images made here. A package
// mirror may be reachable from the host's network only, so builds are lent that.
func up(t *testing.T) stack {
	t.Helper()
	free, err := rig.FreeAddresses(1)
	if err != nil {
		t.Fatal(err)
	}
	lent := filepath.Join(t.TempDir(), "network.yml")
	text := "services:\n"
	for _, name := range []string{"postfix", "spamd", "client"} {
		text += "  " + name + ": {build: {network: host}}\n"
	}
	text += "  proxyfilter: {build: {labels: [" + mark + "]}}\n"
	if err := os.WriteFile(lent, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s := stack{t: t, address: free[0]}
	s.command = append([]string{"env", "BASE_IMAGE=" + debian(t), "GO_IMAGE=" + golang(t), "SMTP_PORT=" + s.address, "SPAMD_OPTIONS=--local"}, composer(t)...)
	s.command = append(s.command, "-p", "proxyfilter-test", "-f", filepath.Join(root(t), "examples/compose/docker-compose.yml"), "-f", lent)
	s.down()
	t.Cleanup(s.down)
	s.compose("build", "client")
	s.compose("up", "-d", "--build")
	s.healthy("spamd", "proxyfilter", "postfix")
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

// wait runs a script in Postfix's container again and again until it succeeds.
func (s stack) wait(script string) {
	s.t.Helper()
	s.compose("exec", "-T", "postfix", "sh", "-c", "n=0; until "+script+"; do n=$((n+1)); [ $n -lt 150 ] || exit 1; sleep 0.2; done")
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
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	late := time.After(3 * time.Minute)
	for _, service := range services {
		id := s.container(service)
		for {
			state := strings.TrimSpace(command(s.t, "docker", "inspect", "-f", "{{.State.Health.Status}}", id))
			if state == "healthy" {
				break
			}
			select {
			case <-tick.C:
			case <-late:
				s.t.Fatalf("%s is %s:\n%s\n%s", service, state, s.inspect(service, "{{json .State.Health}}"), tail(s.compose("logs", "--no-color")))
			}
		}
	}
}

// record is one line of the sidecar's log about a message.
type record struct {
	ID     string `json:"id"`
	Client string `json:"client"` // name[address]
}

// records are what the sidecar has logged about messages so far.
func (s stack) records() []record {
	s.t.Helper()
	var all []record
	for line := range strings.Lines(command(s.t, "docker", "logs", s.container("proxyfilter"))) {
		var r record
		if json.Unmarshal([]byte(line), &r) == nil && r.ID != "" {
			all = append(all, r)
		}
	}
	return all
}

// send hands over one message with this subject from outside of the network.
func (s stack) send(ctx context.Context, n int) (rig.Reply, error) {
	client, err := rig.Dial(ctx, s.address, "127.0.0.1")
	if err != nil {
		return rig.Reply{}, err
	}
	defer client.Close()
	for _, line := range []string{"EHLO client.example.org", "MAIL FROM:<carol@example.org>", "RCPT TO:<alice@mx.example.net>"} {
		if reply, err := client.Say(line); err != nil || reply.Code != 250 {
			return reply, err
		}
	}
	reply, err := client.Data([]byte("Subject: number " + strconv.Itoa(n) + "\r\nMessage-ID: <" + strconv.Itoa(n) + "@example.org>\r\n\r\nhello\r\n"))
	if err == nil {
		_, err = client.Say("QUIT")
	}
	return reply, err
}

// delivered counts the messages in alice's mailbox by their number.
func (s stack) delivered() map[int]int {
	s.t.Helper()
	s.wait("mailq | grep -q 'queue is empty'")
	count := make(map[int]int)
	for line := range strings.Lines(s.compose("exec", "-T", "postfix", "grep", "^Subject: number ", "/var/mail/alice")) {
		var n int
		if _, err := fmt.Sscanf(line, "Subject: number %d", &n); err == nil {
			count[n]++
		}
	}
	return count
}

//go:build integration

package ship

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// plan is a choice of the compose files.
type plan struct {
	files   []string
	debian  []string // services made from Debian's packages, beside postfix and client
	filters []string // services that are proxyfilter
	postfix string   // what the first Postfix runs, if not the command of its image
}

func oneMX() plan {
	return plan{
		files:   []string{"docker-compose.yml"},
		debian:  []string{"spamd"},
		filters: []string{"proxyfilter"},
	}
}

func twoMX() plan {
	return plan{
		files:   []string{"docker-compose.yml", "two-mx.yml"},
		debian:  []string{"spamd", "redis", "postfix2"},
		filters: []string{"proxyfilter", "proxyfilter2"},
		postfix: "echo '" + slow + " sleep 16' >/etc/postfix/slow && " +
			"postconf -P 127.0.0.1:10025/inet/smtpd_end_of_data_restrictions=check_sender_access,texthash:/etc/postfix/slow && " +
			"exec postfix start-fg",
	}
}

// services are those that have a health check.
func (p plan) services() []string { return slices.Concat(p.debian, p.filters, []string{"postfix"}) }

// lend writes one more file, for what only a test needs. A package mirror may be
// reachable from the host's network only, so builds are lent that. By the label a test
// changes Postfix's container and nothing else.
func (p plan) lend(t *testing.T) string {
	t.Helper()
	text := "services:\n" +
		"  client: {build: {network: host}}\n" +
		"  postfix:\n    build: {network: host}\n    labels: [\"changed=${CHANGED:-no}\"]\n"
	if p.postfix != "" {
		text += "    command: [sh, -c, " + strconv.Quote(p.postfix) + "]\n"
	}
	for _, name := range p.debian {
		text += "  " + name + ": {build: {network: host}}\n"
	}
	for _, name := range p.filters {
		text += "  " + name + ": {build: {labels: [" + mark + "]}}\n"
	}
	file := filepath.Join(t.TempDir(), "lent.yml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

package rig

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// OpenDKIM is a private signer for Domain. InternalHosts is left at its default,
// 127.0.0.1, because that default is what signs forged mail behind a filter.
type OpenDKIM struct {
	*Daemon
	Address string
}

// Milter is the address as smtpd_milters wants it.
func (o *OpenDKIM) Milter() string { return "inet:" + o.Address }

func (s *Site) startOpenDKIM(ctx context.Context, log *Log) (*OpenDKIM, error) {
	o := &OpenDKIM{}
	if err := freeAddresses(&o.Address); err != nil {
		return nil, err
	}
	dir := filepath.Join(s.Dir, "opendkim")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	key := filepath.Join(dir, "key.pem")
	if err := writeSigningKey(key); err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(o.Address)
	if err != nil {
		return nil, err
	}
	config := strings.Join([]string{
		"Domain " + Domain, "Selector rig", "KeyFile " + key, "Socket inet:" + port + "@127.0.0.1",
		// No questions to the DNS: there is nothing to verify in these tests.
		"Mode s", "Syslog no", "Background no", "RequireSafeKeys no", "",
	}, "\n")
	file := filepath.Join(dir, "opendkim.conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return nil, err
	}
	if o.Daemon, err = start(exec.Command(Program("opendkim"), "-f", "-x", file), log); err != nil {
		return nil, fmt.Errorf("start opendkim: %w", err)
	}
	return o, WaitListening(ctx, o.Address)
}

// Stop ends it.
func (o *OpenDKIM) Stop() error {
	if o == nil {
		return nil
	}
	return o.Daemon.Stop()
}

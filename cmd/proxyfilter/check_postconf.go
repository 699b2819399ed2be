package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// service is what a service of master.cf says about its proxy filter.
type service struct{ name, filter, options string }

// checkSpeedAdjust compares policy.speed_adjust with what Postfix really does,
// where policy.mixed depends on it. With speed_adjust Postfix asks for all
// recipients at once, when it has the whole message: one 452 is then the answer to
// all of them, today and in every retry, and the message never arrives.
func (l *loaded) checkSpeedAdjust(environ []string) error {
	if l.Policy.Mixed != "split" {
		return nil
	}
	found, err := postconf(environ)
	if err != nil {
		l.warnings = append(l.warnings, problem{
			at: l.origins["policy.mixed"], key: "policy.speed_adjust", what: fmt.Sprintf("not compared with Postfix: %v", err),
			hint: "look yourself whether smtpd_proxy_options has speed_adjust",
		})
		return nil
	}
	var ours int
	var wrong []problem
	for _, s := range found {
		if !l.serves(s.filter) {
			continue
		}
		ours++
		if strings.Contains(s.options, "speed_adjust") {
			wrong = append(wrong, problem{
				at: l.origins["policy.mixed"], key: "policy.speed_adjust", what: fmt.Sprintf("it is on in Postfix's service %s", s.name),
				hint: "take speed_adjust out of smtpd_proxy_options there, or write policy.mixed = \"lenient\"",
			})
		}
	}
	if ours == 0 {
		l.warnings = append(l.warnings, problem{
			at: l.origins["policy.mixed"], key: "policy.speed_adjust",
			what: "not compared with Postfix: no service of its master.cf has one of our addresses as smtpd_proxy_filter",
		})
	}
	return together(wrong)
}

// serves reports whether one of our front doors listens at what Postfix calls host:port,
// inet:host:port or unix:path.
func (c *config) serves(proxy string) bool {
	proxy = strings.TrimPrefix(proxy, "inet:")
	at, err := parseAddress(proxy, forConnecting)
	if err != nil {
		return false
	}
	for _, d := range c.doors() {
		for _, a := range d.addrs {
			if a.meets(at) {
				return true
			}
		}
	}
	return false
}

// postconf asks Postfix for its services.
func postconf(environ []string) ([]service, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	name, err := exec.LookPath("postconf")
	if errors.Is(err, exec.ErrNotFound) {
		name = "/usr/sbin/postconf" // which is not in everybody's PATH
	}
	overrides, err := output(ctx, environ, name, "-P")
	if err != nil {
		return nil, err
	}
	defaults, err := output(ctx, environ, name, "smtpd_proxy_filter", "smtpd_proxy_options")
	if err != nil {
		return nil, err
	}
	return services(overrides, defaults), nil
}

// maxPostconf bounds what is read of it; a large master.cf makes some 20 KB.
const maxPostconf = 4 << 20

func output(ctx context.Context, environ []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = environ
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", fmt.Errorf("postconf: %w", err)
	}
	if err := cmd.Start(); err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			return "", fmt.Errorf("%s: %w", name, path.Err)
		}
		return "", fmt.Errorf("postconf: %w", err)
	}
	text, _ := io.ReadAll(io.LimitReader(out, maxPostconf))
	if err := cmd.Wait(); err != nil {
		first, _, _ := strings.Cut(errs.String(), "\n")
		return "", fmt.Errorf("postconf %s: %w: %s", args[0], err, first)
	}
	return string(text), nil
}

// services reads "postconf -P", which has a line "smtp/inet/parameter = value" for
// each -o of master.cf, and the values of main.cf, which hold where there is none.
func services(overrides, defaults string) []service {
	main := service{name: "smtpd (main.cf)"}
	for line := range strings.Lines(defaults) {
		parameter, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		main.set(strings.TrimSuffix(parameter, " ="), value)
	}
	all := []service{main}
	index := map[string]int{}
	for line := range strings.Lines(overrides) {
		full, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		slash := strings.LastIndexByte(full, '/')
		if slash < 0 {
			continue
		}
		name := full[:slash]
		i, known := index[name]
		if !known {
			i = len(all)
			index[name] = i
			all = append(all, service{name: name, filter: main.filter, options: main.options})
		}
		all[i].set(strings.TrimSuffix(full[slash+1:], " ="), value)
	}
	return all
}

func (s *service) set(parameter, value string) {
	switch parameter {
	case "smtpd_proxy_filter":
		s.filter = value
	case "smtpd_proxy_options":
		s.options = value
	}
}

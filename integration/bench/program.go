package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// program is proxyfilter itself, in its own process.
type program struct {
	addr, status string
	log          string // its log file
	cmd          *exec.Cmd
	ended        chan error
}

// settings are the choices that a measurement makes; everything else is as the
// program has it by default.
type settings struct {
	binary      string
	dir         string
	nextHop     string
	spamd       string // empty: spamd switched off
	slots       int
	connections int
	options     []string // further ones, as "section.key=value"
}

// build compiles the program as a package would be: no race detector, nothing
// special.
func build(ctx context.Context, dir string, errs io.Writer) (string, error) {
	binary := filepath.Join(dir, "proxyfilter")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "proxyfilter/cmd/proxyfilter")
	cmd.Stdout, cmd.Stderr = errs, errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("building proxyfilter: %w", err)
	}
	return binary, nil
}

// launch starts proxyfilter and waits until it greets.
func launch(ctx context.Context, s settings) (*program, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	p := &program{addr: ports[0], status: ports[1], log: filepath.Join(s.dir, "proxyfilter.log"), ended: make(chan error, 1)}
	config := filepath.Join(s.dir, "proxyfilter.toml")
	if err := os.WriteFile(config, []byte(p.config(s)), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	args := []string{"serve", "-c", config}
	for _, option := range s.options {
		args = append(args, "-o", option)
	}
	p.cmd = exec.Command(s.binary, args...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	// Only a process that may be dumped shows its memory to us (proc(5), smaps).
	p.cmd.Env = append(os.Environ(), "GOTRACEBACK=crash")
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting proxyfilter: %w", err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	if err := p.greeted(ctx); err != nil {
		_ = p.stop()
		return nil, err
	}
	return p, nil
}

// config has the log, the records and the metrics on, as in real use.
func (p *program) config(s settings) string {
	servers := "[]"
	if s.spamd != "" {
		servers = fmt.Sprintf("[%q]", s.spamd)
	}
	return fmt.Sprintf(`[server]
listen = [%q]
hostname = "filter.bench.test"
[relay]
next_hop = %q
connections = %d
[budget]
spool_dir = %q
[spamd]
servers = %s
slots = %d
[log]
level = "info"
format = "postfix"
[status]
listen = %q
[journal]
dir = %q
[store]
path = %q
`, p.addr, s.nextHop, s.connections, s.dir, servers, s.slots, p.status, filepath.Join(s.dir, "journal"), filepath.Join(s.dir, "state.db"))
}

// greeted waits for the greeting, so that no run pays for the start.
func (p *program) greeted(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		conn, err := net.DialTimeout("tcp", p.addr, time.Second)
		if err == nil {
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			c := client{}
			code, err := c.reply(conn, "greeting")
			_ = conn.Close()
			if err != nil || code != 220 {
				return fmt.Errorf("proxyfilter greeted with %d: %w", code, err)
			}
			return nil
		}
		select {
		case <-retry.C:
		case err := <-p.ended:
			p.ended <- err
			return fmt.Errorf("proxyfilter has ended: %w\n%s", err, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("proxyfilter does not listen: %w\n%s", err, p.tail())
		}
	}
}

// tail is the end of its log, for error messages.
func (p *program) tail() string {
	log, _ := os.ReadFile(p.log)
	return string(log[max(0, len(log)-2000):])
}

// stop ends the program as an administrator does, and kills what does not go.
func (p *program) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.ended:
		if err != nil {
			return fmt.Errorf("proxyfilter ended with %w\n%s", err, p.tail())
		}
		return nil
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
		return errors.New("proxyfilter did not end within 10 s of SIGTERM")
	}
}

// observed checks that log and metrics told of so many messages: a program
// that keeps silent is faster, and not what is measured. It is asked before
// the program is stopped.
func (p *program) observed(ctx context.Context, messages int) error {
	log, err := os.ReadFile(p.log)
	if err != nil {
		return err
	}
	if lines := bytes.Count(log, []byte("\n")); lines < messages {
		return fmt.Errorf("the log has %d lines for %d messages", lines, messages)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.status+"/metrics", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	if counted := total(string(page), "proxyfilter_messages_total"); counted < messages {
		return fmt.Errorf("metrics count %d of %d messages", counted, messages)
	}
	return nil
}

// total adds up all the series of one counter.
func total(page, name string) int {
	var sum float64
	for line := range strings.Lines(page) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		var v float64
		if series != name && !strings.HasPrefix(series, name+"{") {
			continue
		}
		if _, err := fmt.Sscan(value, &v); err == nil {
			sum += v
		}
	}
	return int(sum)
}

// freePorts looks below the range from which the kernel takes the near ends
// of connections (ip(7): 32768 and up), or one of ours could be in the way.
func freePorts(n int) ([]string, error) {
	const first, last = 20000, 30000
	var found []string
	for port := first + os.Getpid()%5000; port < last && len(found) < n; port++ {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		found = append(found, listener.Addr().String())
		_ = listener.Close()
	}
	if len(found) < n {
		return nil, errors.New("no free port on 127.0.0.1")
	}
	return found, nil
}

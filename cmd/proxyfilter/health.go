package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const healthHelp = `Asks the running process for /healthz, or with --ready for /readyz, on the address
of status.listen, else of metrics.listen. The exit code is 0 when it is well and 1
when it is not, does not answer, or cannot be asked because the configuration or
the command line is wrong. It is never 2, which Docker's HEALTHCHECK reserves.

/healthz says whether the process works at all; /readyz says whether mail that comes
now is not told to come again: it is not ready while it starts and stops, while a
next hop does not answer, and, as long as policy.on_scan_failure is "defer", while no
scanner does.`

// healthQuestion is what the flags of health say.
type healthQuestion struct {
	url     string
	ready   bool
	asJSON  bool
	timeout time.Duration
}

func (p *program) healthCommand() *cobra.Command {
	var q healthQuestion
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask a running proxyfilter whether it is well",
		Long:  healthHelp,
		Args:  func(cmd *cobra.Command, args []string) error { return answerNo(cobra.NoArgs(cmd, args)) },
		Example: `  proxyfilter health
  proxyfilter health --ready --url http://127.0.0.1:10088`,
		RunE: func(*cobra.Command, []string) error { return answerNo(p.health(q)) },
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return answerNo(flagError(cmd, err)) })
	cmd.Flags().StringVar(&q.url, "url", "", "ask there, as `URL`, instead of reading the configuration")
	cmd.Flags().BoolVar(&q.ready, "ready", false, "ask /readyz")
	cmd.Flags().BoolVar(&q.asJSON, "json", false, "for programs")
	cmd.Flags().DurationVar(&q.timeout, "timeout", 3*time.Second, "how long to wait for the answer")
	return cmd
}

// answerNo is err with the exit code 1, whatever it had.
func answerNo(err error) error {
	if err == nil {
		return nil
	}
	var silent exit
	if errors.As(err, &silent) && silent.err == nil {
		return exit{code: exitNo}
	}
	return exit{exitNo, err}
}

func (p *program) health(q healthQuestion) error {
	base, at := q.url, address{}
	if base == "" {
		c, err := p.load()
		if err != nil {
			return err
		}
		at = c.Status.Listen
		if at == (address{}) {
			at = c.Metrics.Listen
		}
		if at == (address{}) {
			return errors.New("proxyfilter: status.listen and metrics.listen are both empty; nothing can be asked")
		}
		base = "http://" + dialable(at)
	}
	ctx, cancel := context.WithTimeout(context.Background(), q.timeout)
	defer cancel()
	path := "/healthz"
	if q.ready {
		path = "/readyz"
	}
	text, err := ask(ctx, at, strings.TrimSuffix(base, "/")+path)
	return p.answerHealth(q, text, err)
}

func (p *program) answerHealth(q healthQuestion, text string, err error) error {
	if q.asJSON {
		answer := map[string]any{"healthy": err == nil, "answer": text}
		if err != nil {
			answer["answer"] = err.Error()
		}
		if err := writeJSON(p.stdout, answer); err != nil {
			return err
		}
	} else if err == nil {
		fmt.Fprintln(p.stdout, text)
	}
	switch {
	case err == nil:
		return nil
	case q.asJSON:
		return exit{code: exitNo}
	}
	return exit{exitNo, fmt.Errorf("proxyfilter: %w", err)}
}

// dialable is a host and port that can be connected to: a wildcard is this host.
func dialable(a address) string {
	if a.Network == "unix" {
		return "localhost"
	}
	host, port, _ := net.SplitHostPort(a.Addr)
	if ip := hostIP(host); ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.Is6() && strings.Trim(a.Addr[:len(a.Addr)-len(port)], "[:]") == "" && strings.HasPrefix(a.Addr, "[") {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port)
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 4096

// ask sends one request, over the UNIX socket when at is one.
func ask(ctx context.Context, at address, url string) (string, error) {
	transport := &http.Transport{DisableKeepAlives: true}
	if at.Network == "unix" {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", at.Addr)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	text := strings.TrimSpace(string(body))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %s", url, res.Status, text)
	}
	return text, err
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"proxyfilter/filter"
)

const scanHelp = `Scores messages as the daemon would, and says what would become of them. Nothing
is relayed, and no running daemon is asked: the scanners of the configuration are.
A file holds one message as it came over the wire or as a mail program stores it,
with either kind of line ends; "-" is standard input.

The exit code is 75 when a message could not be scanned, else 1 when one would be
refused, else 0.`

// scanFlags are the envelope, and how the answer looks.
type scanFlags struct {
	sender     string
	recipients []string
	client     string
	listener   string
	own        bool
	asJSON     bool
	explain    bool
}

func (p *program) scanCommand() *cobra.Command {
	var f scanFlags
	cmd := &cobra.Command{
		Use:   "scan FILE...",
		Short: "Score messages as the daemon would",
		Long:  scanHelp,
		Args:  cobra.MinimumNArgs(1),
		Example: `  proxyfilter scan message.eml
  proxyfilter scan --from a@example.org --to b@example.com - < message.eml`,
		RunE: func(cmd *cobra.Command, files []string) error { return p.scan(cmd.Context(), f, files) },
	}
	cmd.Flags().StringVar(&f.sender, "from", "", "the envelope's sender `ADDRESS`; empty for a bounce")
	cmd.Flags().StringArrayVar(&f.recipients, "to", nil, "a recipient `ADDRESS`; may be repeated")
	cmd.Flags().StringVar(&f.client, "client", "", "the client's `IP` address")
	cmd.Flags().StringVar(&f.listener, "listener", "", "the front door, as [listeners.`NAME`]")
	cmd.Flags().BoolVar(&f.own, "own", false, "as mail of an authenticated user")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "for programs: one object for each message")
	cmd.Flags().BoolVar(&f.explain, "explain", false, "tell the story, as the command explain does")
	cmd.MarkFlagsMutuallyExclusive("json", "explain")
	return cmd
}

func (p *program) scan(ctx context.Context, f scanFlags, files []string) error {
	if ctx == nil {
		ctx = context.Background()
	}
	c, err := p.load()
	if err != nil {
		return err
	}
	envelope, err := f.envelope(&c.config)
	if err != nil {
		return exit{exitUsage, err}
	}
	scanner := newScanner(&c.config, nil, zerolog.Nop())
	if scanner != nil {
		defer scanner.Close()
	}
	viruses := newVirusScanner(&c.config, zerolog.Nop())
	if viruses != nil {
		defer viruses.Close()
	}
	judge := judgeOf(&c.config, scanner, viruses)
	code := exitFine
	for _, file := range files {
		one, err := p.scanFile(ctx, judge, c.Budget.Verdict, envelope, file)
		if err != nil {
			fmt.Fprintf(p.stderr, "proxyfilter: %v\n", err)
			code = exitTemporary
			continue
		}
		if err := f.write(p.stdout, one); err != nil {
			return exit{exitTemporary, err}
		}
		code = max(code, one.code())
	}
	if code != exitFine {
		return exit{code: code}
	}
	return nil
}

// envelope is that of the messages, but for the reference.
func (f scanFlags) envelope(c *config) (filter.Envelope, error) {
	e := filter.Envelope{
		Listener: f.listener, Sender: f.sender, Recipients: f.recipients,
		Client: filter.Client{Authenticated: f.own},
	}
	var err error
	if e.Client.Addr, err = clientAddress(f.client); err != nil {
		return e, err
	}
	return e, knownListener(f.listener, c.Listeners)
}

// clientAddress reads --client; without it nothing is known of the client.
func clientAddress(text string) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return addr, fmt.Errorf("proxyfilter: --client %s is not an address", quote(text))
	}
	return addr, nil
}

// knownListener refuses a front door that the configuration does not have: its mail
// would be under another policy than the one that was asked about.
func knownListener(name string, listeners []listenerConfig) error {
	names := make([]string, len(listeners))
	for i, l := range listeners {
		names[i] = l.Name
	}
	switch {
	case name == "" || slices.Contains(names, name):
		return nil
	case len(names) == 0:
		return fmt.Errorf("proxyfilter: --listener %s: the configuration has no [listeners.NAME]", quote(name))
	}
	return fmt.Errorf("proxyfilter: --listener %s: the listeners are %s", quote(name), strings.Join(names, ", "))
}

// write prints an answer in the way that was asked for.
func (f scanFlags) write(w io.Writer, one scanned) error {
	switch {
	case f.asJSON:
		return writeJSON(w, one)
	case f.explain:
		return one.explain(w)
	}
	return one.print(w)
}

func (p *program) scanFile(ctx context.Context, judge *filter.Judge, budget time.Duration, envelope filter.Envelope, file string) (scanned, error) {
	data, err := p.message(file)
	if err != nil {
		return scanned{}, err
	}
	content := wireForm(data)
	now := time.Now()
	ctx, cancel := context.WithDeadline(ctx, now.Add(budget))
	defer cancel()
	envelope.ID = filter.Reference(now, 0)
	verdict := judge.Weigh(ctx, filter.Message{Envelope: envelope, Content: bytes.NewReader(content), Received: now})
	one := newScanned(file, int64(len(content)), verdict)
	one.record = filter.Record{Time: now, Envelope: envelope, Size: one.Size, Verdict: verdict}
	return one, nil
}

// message reads a file, or standard input.
func (p *program) message(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(p.stdin)
	}
	return os.ReadFile(file)
}

// wireForm has CRLF at the end of each line, as the relay hands messages to
// scanners.
func wireForm(data []byte) []byte {
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
	if len(data) > 0 && !bytes.HasSuffix(data, []byte("\r\n")) {
		data = append(data, "\r\n"...)
	}
	return data
}

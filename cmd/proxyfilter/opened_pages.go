package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/rs/zerolog"

	"proxyfilter/cmd/proxyfilter/takeover"
)

// pages are the listeners for HTTP, nil where there is none, and what they show.
type pages struct {
	status, details, metrics *takeover.Socket

	token   string // "": details are shown at details only
	without error  // why there is no details, though nobody has switched it off
}

func openPages(c *config, from supply) (found pages, err error) {
	defer func() {
		if err != nil {
			found.close()
			found = pages{}
		}
	}()
	if found.token, err = readToken(c.Status.TokenFile); err != nil {
		return found, fmt.Errorf("status.token_file: %w", err)
	}
	for _, l := range []struct {
		key string
		at  address
		to  **takeover.Socket
	}{{"status.listen", c.Status.Listen, &found.status}, {"metrics.listen", c.Metrics.Listen, &found.metrics}, {"status.details", c.Status.Details, &found.details}} {
		if l.at == (address{}) {
			continue
		}
		if *l.to, err = from.listen(l.at); err == nil {
			continue
		}
		if l.at == defaultDetails() { // a first try, or a container, has no such directory
			found.without, err = err, nil
			continue
		}
		return found, fmt.Errorf("%s: %w; choose another address, or \"\" for none", l.key, err)
	}
	return found, nil
}

func defaultDetails() address { return address{Network: "unix", Addr: "/run/proxyfilter/status.sock"} }

// remark says that there is nowhere to see details. Without the directory that is no
// surprise.
func (p pages) remark(log zerolog.Logger) {
	if p.without == nil {
		return
	}
	e := log.Warn()
	if errors.Is(p.without, fs.ErrNotExist) {
		e = log.Info()
	}
	e.Err(p.without).Msg("no status page with details: make the directory, or set status.details")
}

const (
	minToken = 16
	maxToken = 1024
)

// readToken reads the first line. A token that can be guessed is none.
func readToken(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxToken+2))
	if err != nil {
		return "", err
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	token := string(bytes.TrimSpace(line))
	if len(token) < minToken || len(token) > maxToken || !printable(token) {
		return "", fmt.Errorf("%s: the first line is not a token of %d to %d printable characters (openssl rand -hex 24)", path, minToken, maxToken)
	}
	return token, nil
}

func (p pages) all() []*takeover.Socket {
	var all []*takeover.Socket
	for _, s := range []*takeover.Socket{p.status, p.details, p.metrics} {
		if s != nil {
			all = append(all, s)
		}
	}
	return all
}

func (p pages) close() {
	for _, ln := range p.all() {
		ln.Close()
	}
}

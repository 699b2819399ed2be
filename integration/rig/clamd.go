package rig

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Clamd is a private clamd whose only signatures are its own: EICAR's test file, by
// its digest, and the word Worm. So it starts at once, and needs no database that
// somebody would have to download.
type Clamd struct {
	*Daemon
	Address string // of its TCP port
	Socket  string // its UNIX socket

	cmd func() *exec.Cmd
	log *Log
}

// ClamdOptions are the ways in which clamds differ.
type ClamdOptions struct {
	Set []string // more lines for clamd.conf, such as "StreamMaxLength 1M"
}

// What a Clamd knows. The suffix is clamd's, for signatures that ClamAV did not sign.
const (
	Worm      = "proxyfilter-test-worm-7f3a"
	WormName  = "Own.Test.Worm.UNOFFICIAL"
	EICARName = "Eicar-Test-Signature.UNOFFICIAL"
)

// EICAR is the file that every virus scanner is to find. It is put together here,
// so that none finds it in this file.
func EICAR() string {
	return `X5O!P%@AP[4\PZX54(P^)7CC)7}` + "$EICAR-STANDARD-" + "ANTIVIRUS-TEST-FILE!" + "$H+H*"
}

// StartClamd starts one in a directory of its own. Log may be nil.
func StartClamd(ctx context.Context, dir string, opts ClamdOptions, log *Log) (*Clamd, error) {
	if log == nil {
		log = NewLog(nil)
	}
	c := &Clamd{Socket: filepath.Join(dir, "clamd.sock"), log: log}
	if err := freeAddresses(&c.Address); err != nil {
		return nil, err
	}
	if err := c.write(dir, opts); err != nil {
		return nil, fmt.Errorf("configure clamd: %w", err)
	}
	c.cmd = func() *exec.Cmd { return exec.Command(Program("clamd"), "-c", filepath.Join(dir, "clamd.conf")) }
	return c, c.Start(ctx)
}

func (c *Clamd) write(dir string, opts ClamdOptions) error {
	signatures := filepath.Join(dir, "signatures")
	if err := os.MkdirAll(signatures, 0o755); err != nil {
		return err
	}
	port := c.Address[strings.LastIndexByte(c.Address, ':')+1:]
	lines := append([]string{
		"Foreground yes", "DatabaseDirectory " + signatures, "TemporaryDirectory " + dir,
		"TCPAddr 127.0.0.1", "TCPSocket " + port, "LocalSocket " + c.Socket, "LocalSocketMode 666", "FixStaleSocket yes",
	}, opts.Set...)
	eicar := EICAR()
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "clamd.conf"), []byte(strings.Join(lines, "\n")+"\n"), 0o644),
		os.WriteFile(filepath.Join(signatures, "own.hdb"), fmt.Appendf(nil, "%x:%d:Eicar-Test-Signature\n", md5.Sum([]byte(eicar)), len(eicar)), 0o644),
		os.WriteFile(filepath.Join(signatures, "own.ndb"), fmt.Appendf(nil, "Own.Test.Worm:0:*:%x\n", Worm), 0o644),
	)
}

// Start starts it again after it has ended.
func (c *Clamd) Start(ctx context.Context) (err error) {
	if c.Daemon, err = start(c.cmd(), c.log); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-c.Done:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := WaitListening(ctx, c.Address); err != nil {
		return errors.Join(fmt.Errorf("start clamd: %w; its last lines:\n%s", err, c.log.Tail(20)), c.Stop())
	}
	return nil
}

// Stop ends it.
func (c *Clamd) Stop() error {
	if c == nil {
		return nil
	}
	return c.Daemon.Stop()
}

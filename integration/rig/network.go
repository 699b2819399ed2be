package rig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// The two ends of the cable in a Network (TEST-NET-2, RFC 5737).
const (
	ServerAddress = "198.51.100.1"
	ClientAddress = "198.51.100.2"
)

// ErrForbidden is what NewNetwork returns where the kernel allows no namespaces.
var ErrForbidden = errors.New("network namespaces are not permitted here")

// forbidden is EPERM and EACCES in the words of ip(8).
var forbidden = regexp.MustCompile(`not permitted|Permission denied`)

// Network is two hosts in network namespaces of their own, with a cable between them
// and nothing else. The network of this host is not touched.
type Network struct {
	server, client string // names
}

// NewNetwork makes one; ip(8) must be installed.
func NewNetwork(ctx context.Context) (*Network, error) {
	number := rand.IntN(100000)
	n := &Network{server: fmt.Sprintf("pf%ds", number), client: fmt.Sprintf("pf%dc", number)}
	for _, command := range []string{
		"netns add " + n.server,
		"netns add " + n.client,
		"-n " + n.server + " link add " + n.server + " type veth peer name " + n.client + " netns " + n.client,
		"-n " + n.server + " addr add " + ServerAddress + "/24 dev " + n.server,
		"-n " + n.client + " addr add " + ClientAddress + "/24 dev " + n.client,
		"-n " + n.server + " link set " + n.server + " up",
		"-n " + n.client + " link set " + n.client + " up",
		"-n " + n.server + " link set lo up",
	} {
		out, err := exec.CommandContext(ctx, Program("ip"), strings.Fields(command)...).CombinedOutput()
		if err != nil && forbidden.Match(out) {
			return nil, errors.Join(fmt.Errorf("ip %s: %w", command, ErrForbidden), n.Close())
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("ip %s: %w: %s", command, err, out), n.Close())
		}
	}
	return n, nil
}

// Close removes both hosts.
func (n *Network) Close() error {
	var errs []error
	for _, name := range []string{n.server, n.client} {
		if _, err := os.Stat(namespace(name)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if out, err := exec.Command(Program("ip"), "netns", "del", name).CombinedOutput(); err != nil {
			errs = append(errs, fmt.Errorf("ip netns del %s: %w: %s", name, err, out))
		}
	}
	return errors.Join(errs...)
}

func namespace(name string) string { return filepath.Join("/run/netns", name) }

// OnServer runs do on the one host: the sockets that it opens are there.
func (n *Network) OnServer(do func() error) error { return inside(n.server, do) }

// OnClient runs do on the other host.
func (n *Network) OnClient(do func() error) error { return inside(n.client, do) }

// inside needs a thread of its own, which ends with its goroutine because it is not
// unlocked: nothing else may run in the other namespace by accident.
func inside(name string, do func() error) error {
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		space, err := os.Open(namespace(name))
		if err == nil {
			defer space.Close()
			err = unix.Setns(int(space.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = do()
		}
		ended <- err
	}()
	return <-ended
}

// Run starts the program on the server and waits until it serves.
func (n *Network) Run(ctx context.Context, binary string, options ...string) (*Daemon, error) {
	args := []string{"netns", "exec", n.server, binary, "serve"}
	for _, o := range options {
		args = append(args, "-o", o)
	}
	d, err := start(exec.Command(Program("ip"), args...), NewLog(nil))
	if err != nil {
		return nil, err
	}
	if _, err := d.Log.Wait(ctx, 0, `\bserving: `); err != nil {
		return nil, errors.Join(err, d.Stop())
	}
	return d, nil
}

package rig

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// The range below Linux's ephemeral ports: a port from above could be taken by
// any outgoing connection between our look and the daemon's bind. It begins above
// those of the examples, which a rig replaces one after another: with 10027 for spamd,
// what was spamd's would become the second listener's.
const (
	firstPort = 10100
	lastPort  = 32767
)

// reservations opens the file in which each byte that is locked is a port of a test
// that runs. A lock belongs to this opening of it, which nobody closes: so a port is
// its process's own until that ends, for what listens there may begin late, and be
// started again.
func reservations() (fd int, err error) {
	name := filepath.Join(os.TempDir(), fmt.Sprintf("proxyfilter-ports-%d", os.Geteuid()))
	if fd, err = unix.Open(name, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600); err != nil {
		return 0, fmt.Errorf("open %s: %w", name, err)
	}
	return fd, nil
}

// reserve reports whether no other opening of the file has the port.
func reserve(fd, port int) (bool, error) {
	err := unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: int64(port), Len: 1})
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reserve port %d: %w", port, err)
	}
	return true, nil
}

// freeAddress is a loopback address that is reserved, and on which nobody listens.
func freeAddress(fd int) (string, error) {
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		mine, err := reserve(fd, port)
		if err != nil {
			return "", err
		}
		if !mine {
			continue
		}
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if l, err := net.Listen("tcp", address); err == nil {
			return address, l.Close()
		}
	}
	return "", fmt.Errorf("no free port between %d and %d", firstPort, lastPort)
}

// FreeAddresses are n loopback addresses on which nobody listens, for listeners
// that a test adds to those of the site.
func FreeAddresses(n int) ([]string, error) {
	list := make([]string, n)
	into := make([]*string, n)
	for i := range list {
		into[i] = &list[i]
	}
	return list, freeAddresses(into...)
}

// freeAddresses fills the strings. No other test gets these addresses.
func freeAddresses(into ...*string) error {
	fd, err := reservations()
	if err != nil {
		return err
	}
	taken := make(map[string]bool) // by these strings, which share an opening
	for _, s := range into {
		for *s == "" || taken[*s] {
			if *s, err = freeAddress(fd); err != nil {
				return errors.Join(err, unix.Close(fd))
			}
		}
		taken[*s] = true
	}
	return nil
}

// pollEvery is the pace of looking at a port, which unlike a log cannot wake us.
const pollEvery = 20 * time.Millisecond

// WaitListening waits until somebody listens at the address.
func WaitListening(ctx context.Context, address string) error {
	return poll(ctx, address, func(err error) bool { return err == nil })
}

// WaitClosed waits until nobody listens at the address.
func WaitClosed(ctx context.Context, address string) error {
	return poll(ctx, address, func(err error) bool { return err != nil })
}

func poll(ctx context.Context, address string, enough func(error) bool) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			c.Close()
		}
		if enough(err) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w (last: %v)", address, ctx.Err(), err)
		}
	}
}

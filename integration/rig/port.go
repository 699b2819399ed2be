package rig

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"
)

// The range below Linux's ephemeral ports: a port from above could be taken by
// any outgoing connection between our look and the daemon's bind.
const (
	firstPort = 10000
	lastPort  = 32767
)

// freeAddress is a loopback address on which nobody listens.
func freeAddress() (string, error) {
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
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

// freeAddresses fills the strings.
func freeAddresses(into ...*string) error {
	taken := make(map[string]bool)
	for _, s := range into {
		for *s == "" || taken[*s] {
			address, err := freeAddress()
			if err != nil {
				return err
			}
			*s = address
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

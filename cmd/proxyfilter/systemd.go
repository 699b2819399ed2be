package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	sd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"

	"proxyfilter/cmd/proxyfilter/takeover"
)

// passedSockets are those that systemd opened for us (sd_listen_fds(3)), by
// their FileDescriptorName=.
func passedSockets() (map[string][]net.Listener, error) {
	return activation.ListenersWithNames()
}

// takePassed takes the sockets of one name out of what was passed, or without a
// name all that no key has named.
func takePassed(name string, passed map[string][]net.Listener, named map[string]bool) ([]*takeover.Socket, error) {
	var found []*takeover.Socket
	for _, n := range slices.Sorted(maps.Keys(passed)) {
		if n == name || (name == "" && !named[n]) {
			for _, ln := range passed[n] {
				found = append(found, borrowed(n, ln))
			}
			delete(passed, n)
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case name == "":
		return nil, errors.New("systemd passed no socket: is the .socket unit started, and does no other key name its sockets?")
	}
	return nil, fmt.Errorf("systemd passed no socket with FileDescriptorName=%s", name)
}

// passedPlace and a name are the place of a socket that systemd has passed.
const passedPlace = "systemd:"

// borrowed is a socket of systemd, which may have come through the process before us.
func borrowed(name string, ln net.Listener) *takeover.Socket {
	if s, ok := ln.(*takeover.Socket); ok {
		return s
	}
	return takeover.Borrowed(passedPlace+name, ln)
}

// unasked refuses the sockets that nobody took. systemd listens on them, so clients
// could connect, and would wait for a greeting that never comes.
func unasked(passed map[string][]net.Listener) error {
	if len(passed) == 0 {
		return nil
	}
	var each []string
	for _, name := range slices.Sorted(maps.Keys(passed)) {
		for _, ln := range passed[name] {
			each = append(each, fmt.Sprintf("%s (%s)", name, ln.Addr()))
		}
	}
	return exit{exitUsage, fmt.Errorf(`systemd passed sockets that no listen key asks for: %s; write "systemd" or "systemd:NAME" in server.listen or in a listener's listen key`,
		strings.Join(each, ", "))}
}

func closePassed(passed map[string][]net.Listener) {
	for _, listeners := range passed {
		for _, ln := range listeners {
			ln.Close()
		}
	}
}

// namedSockets are the names that the front doors ask for.
func namedSockets(doors []doorKeys) map[string]bool {
	named := map[string]bool{}
	for _, d := range doors {
		for _, a := range d.addrs {
			if a.Network == "systemd" && a.Addr != "" {
				named[a.Addr] = true
			}
		}
	}
	return named
}

// manager is systemd, as far as it wants to know (sd_notify(3)). Without
// systemd its methods do nothing.
type manager struct{ log zerolog.Logger }

func (m manager) tell(state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		m.log.Warn().Err(err).Str("state", state).Msg("systemd was not told")
	}
}

// ready says that mail is taken.
func (m manager) ready(status string) { m.tell(sd.SdNotifyReady + "\nSTATUS=" + status) }

// handedOver names the process that serves in our place, and falls silent: what
// systemd hears is that process's from now on, its signs of life too. Only the main
// process may name the next one (NotifyAccess=main).
func (m manager) handedOver(pid int) {
	if pid == 0 { // in another container: it has a manager of its own
		os.Unsetenv("NOTIFY_SOCKET")
		return
	}
	if _, err := sd.SdNotify(true, fmt.Sprintf("MAINPID=%d", pid)); err != nil {
		m.log.Warn().Err(err).Int("pid", pid).Msg("systemd was not told of the process that serves now")
	}
}

// stopMargin is for what comes after the last conversation.
const stopMargin = 10 * time.Second

// stopping asks for the time that conversations may take. TimeoutStopSec= may be
// shorter than server.drain, and would kill a message under way (sd_notify(3)).
func (m manager) stopping(drain time.Duration) {
	m.tell(fmt.Sprintf("%s\nEXTEND_TIMEOUT_USEC=%d\nSTATUS=finishing conversations",
		sd.SdNotifyStopping, (drain + stopMargin).Microseconds()))
}

// reloading carries the time that Type=notify-reload asks for.
func (m manager) reloading() {
	m.tell(sd.SdNotifyReloading + "\n" + sd.SdNotifyMonotonicUsec())
}

// watchdog sends a sign of life at half of WatchdogSec= until ctx ends. alive
// is asked each time, so that a process that hangs does not seem to live.
func (m manager) watchdog(ctx context.Context, alive func() bool) {
	interval, err := sd.SdWatchdogEnabled(false)
	if err != nil {
		m.log.Warn().Err(err).Msg("watchdog")
	}
	if interval <= 0 {
		return
	}
	beat := time.NewTicker(interval / 2)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			if alive() {
				m.tell(sd.SdNotifyWatchdog)
			}
		}
	}
}

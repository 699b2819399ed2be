package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"

	"proxyfilter/cmd/proxyfilter/takeover"
)

// listen opens one address.
func listen(a address) (*takeover.Socket, error) {
	open := listenTCP
	if a.Network == "unix" {
		open = listenUnix
	}
	ln, err := open(a)
	if err != nil {
		return nil, err
	}
	return takeover.New(a.place(), ln), nil
}

func listenTCP(a address) (net.Listener, error) {
	// Both ends are on this host, or nearly so, and front has limits of its own:
	// keep-alive is four system calls a message for nothing.
	config := net.ListenConfig{KeepAlive: -1}
	ln, err := config.Listen(context.Background(), "tcp", a.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program", a.Addr)
	}
	return ln, err
}

// socketMode is for a path whose mode nobody has chosen.
const socketMode = 0o660

// listenUnix makes a socket with the mode and the group that were asked for.
func listenUnix(a address) (net.Listener, error) {
	if err := removeStale(a.Addr); err != nil {
		return nil, err
	}
	ln, err := net.Listen("unix", a.Addr)
	if err != nil {
		return nil, err
	}
	mode := a.Mode
	if mode == 0 {
		mode = socketMode
	}
	if err := give(a, mode); err != nil {
		ln.Close()
		return nil, err
	}
	return ln, nil
}

// give sets the group before the mode: the other way round the former group
// could connect for a moment.
func give(a address, mode fs.FileMode) error {
	if a.Group != "" {
		gid, err := groupID(a.Group)
		if err != nil {
			return fmt.Errorf("unix:%s: %w", a.Addr, err)
		}
		if err := os.Chown(a.Addr, -1, gid); err != nil {
			return err
		}
	}
	return os.Chmod(a.Addr, mode)
}

func groupID(name string) (int, error) {
	if gid, err := strconv.Atoi(name); err == nil {
		return gid, nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(g.Gid)
}

// removeStale removes the socket of a process that is gone. Anything else at
// the path is somebody's, and stays.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("unix:%s: the path exists and is not a socket", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		conn.Close()
		return fmt.Errorf("unix:%s is in use by another program", path)
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return os.Remove(path)
	}
	return fmt.Errorf("unix:%s: %w", path, err)
}

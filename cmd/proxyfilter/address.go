package main

import (
	"io/fs"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// address is where to listen or to connect. The zero address is nowhere.
type address struct {
	Network  string // "tcp", "unix" or "systemd"
	Addr     string // host:port, path, or the name of a passed socket
	Mode     fs.FileMode
	Group    string
	Insecure bool // HTTP for everybody, on purpose
}

// String is the address as it is written in the configuration.
func (a address) String() string {
	s := a.Addr
	if a.Network == "unix" {
		s = "unix:" + s
		if a.Mode != 0 {
			s += ",mode=0" + strconv.FormatUint(uint64(a.Mode), 8)
		}
		if a.Group != "" {
			s += ",group=" + a.Group
		}
	}
	if a.Network == "systemd" {
		s = strings.TrimSuffix("systemd:"+s, ":")
	}
	if a.Insecure {
		s += " insecure"
	}
	return s
}

// place is the address alone, without what else is written with it.
func (a address) place() string { return address{Network: a.Network, Addr: a.Addr}.String() }

// use is what an address is for.
type use uint8

// The uses.
const (
	forConnecting use = iota
	forListening
	forStatus // loopback, unless the word insecure is written
	forMetrics
	forDetails // a UNIX socket
)

func (u use) allowed() string {
	switch u {
	case forListening:
		return `"host:port", "unix:/path,mode=0660,group=postfix", "systemd" or "systemd:name"`
	case forStatus:
		return `"host:port" on loopback, "unix:/path", or "" for nowhere`
	case forDetails:
		return `"unix:/path,mode=0660,group=NAME", or "" for nowhere`
	case forMetrics:
		return `"host:port", "unix:/path", or "" for nowhere`
	}
	return `"host:port" or "unix:/path"`
}

// parseAddress reads one address.
func parseAddress(s string, u use) (address, error) {
	switch {
	case strings.HasPrefix(s, "unix:"):
		return parseUnix(s, u)
	case s == "systemd" || strings.HasPrefix(s, "systemd:"):
		if u != forListening {
			return address{}, wrongf("", "%s: sockets of systemd are for SMTP only", quote(s))
		}
		name := strings.TrimPrefix(strings.TrimPrefix(s, "systemd"), ":")
		if strings.Contains(name, ":") { // systemd.socket(5), FileDescriptorName=
			return address{}, wrongf("", "%s: the name of a socket of systemd has no colon", quote(s))
		}
		return address{Network: "systemd", Addr: name}, nil
	case strings.HasPrefix(s, "/"):
		return address{}, wrongf("write "+quote("unix:"+s), "%s has no port", quote(s))
	case strings.HasPrefix(s, "inet:"):
		return address{}, wrongf("write "+quote(s[len("inet:"):]), "%s: TCP needs no prefix", quote(s))
	}
	if u == forDetails {
		return address{}, wrongf("with status.token_file details are at status.listen too", "%s is not a UNIX socket: every user of this host can connect to it", quote(s))
	}
	return parseTCP(s, u)
}

func parseTCP(s string, u use) (address, error) {
	hostPort, insecure := strings.CutSuffix(s, " insecure")
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return address{}, wrongf(portHint(hostPort), "%s is not host:port", quote(s))
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || (n == 0 && u == forConnecting) {
		return address{}, wrongf("", "%s: %s is not a port", quote(s), quote(port))
	}
	if host == "" && u == forConnecting || strings.ContainsAny(host, " /,\"") {
		return address{}, wrongf("", "%s has no host", quote(s))
	}
	a := address{Network: "tcp", Addr: hostPort, Insecure: insecure}
	if insecure && u != forStatus {
		return address{}, wrongf("", "%s: the word insecure has a meaning in status.listen only", quote(s))
	}
	if u == forStatus && !insecure && !a.loopback() {
		return address{}, wrongf("write "+quote(s+" insecure")+" if everybody there may read the figures",
			"%s is not a loopback address", quote(s))
	}
	return a, nil
}

func portHint(s string) string {
	if addr, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return "write " + quote(net.JoinHostPort(addr.String(), "PORT"))
	}
	if _, err := strconv.ParseUint(s, 10, 16); err == nil {
		return "write " + quote("127.0.0.1:"+s)
	}
	return ""
}

// loopback reports whether only this host can reach the address. A name other
// than localhost counts as reachable: it can change.
func (a address) loopback() bool {
	if a.Network != "tcp" {
		return true
	}
	host, _, _ := net.SplitHostPort(a.Addr)
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

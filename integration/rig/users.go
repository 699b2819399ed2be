package rig

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"sync"
)

// The one user who may log in at the submission listeners.
const (
	User     = "alice@" + Domain
	Password = "wonderland"
)

// users answers Postfix's questions about passwords in Dovecot's authentication
// protocol, version 1.1, as far as smtpd asks: the PLAIN mechanism. Postfix then
// runs with its real SASL code, and no Dovecot is needed.
type users struct {
	listener net.Listener
	done     sync.WaitGroup
	mu       sync.Mutex
	conns    map[net.Conn]bool
}

func serveUsers() (*users, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	u := &users{listener: l, conns: make(map[net.Conn]bool)}
	u.done.Go(u.accept)
	return u, nil
}

func (u *users) address() string { return u.listener.Addr().String() }

func (u *users) accept() {
	for {
		c, err := u.listener.Accept()
		if err != nil {
			return
		}
		u.mu.Lock()
		u.conns[c] = true
		u.mu.Unlock()
		u.done.Go(func() { u.serve(c) })
	}
}

func (u *users) serve(c net.Conn) {
	defer c.Close()
	fmt.Fprint(c, "VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t0123456789abcdef0123456789abcdef\nDONE\n")
	in := bufio.NewScanner(c)
	for in.Scan() {
		fields := strings.Split(in.Text(), "\t")
		if fields[0] != "AUTH" || len(fields) < 3 {
			continue
		}
		if authentic(fields) {
			fmt.Fprintf(c, "OK\t%s\tuser=%s\n", fields[1], User)
		} else {
			fmt.Fprintf(c, "FAIL\t%s\tuser=%s\n", fields[1], User)
		}
	}
}

// authentic looks at the initial response of PLAIN (RFC 4616).
func authentic(fields []string) bool {
	for _, f := range fields {
		if response, ok := strings.CutPrefix(f, "resp="); ok {
			plain, err := base64.StdEncoding.DecodeString(response)
			return err == nil && string(plain) == "\x00"+User+"\x00"+Password
		}
	}
	return false
}

func (u *users) close() {
	if u == nil {
		return
	}
	u.listener.Close()
	u.mu.Lock()
	for c := range u.conns {
		c.Close()
	}
	u.mu.Unlock()
	u.done.Wait()
}

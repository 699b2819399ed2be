package spamdtest

import (
	"fmt"
	"io"
	"net"
)

// ask puts the same request to another spamd and appends its answer. What it
// fails with is answered in its place, as spamd answers what it cannot do.
func (r Request) ask(address string, dst []byte) []byte {
	unavailable := func(err error) []byte { return fmt.Appendf(dst, "SPAMD/1.0 69 EX_UNAVAILABLE %v\r\n", err) }
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return unavailable(err)
	}
	defer conn.Close()
	request := r.Command + " SPAMC/1.5\r\n"
	if r.User != "" {
		request += "User: " + r.User + "\r\n"
	}
	if r.Command != "PING" {
		request += fmt.Sprintf("Content-length: %d\r\n\r\n", len(r.Body))
	} else {
		request += "\r\n"
	}
	if _, err := conn.Write(append([]byte(request), r.Body...)); err != nil {
		return unavailable(err)
	}
	if half, ok := conn.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		return unavailable(err)
	}
	return append(dst, answer...)
}

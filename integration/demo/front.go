package main

import (
	"bufio"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"time"
)

// front stands in for the before-filter Postfix: just enough of smtpd(8) with
// smtpd_proxy_filter and speed_adjust to show what a client sees. It takes the
// whole message first and hands it to the filter then.
type front struct {
	listener net.Listener
	filter   string // the address of proxyfilter
	busy     sync.WaitGroup
}

func serveFront(filter string) (*front, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &front{listener: l, filter: filter}
	f.busy.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.busy.Go(func() { f.converse(c) })
		}
	})
	return f, nil
}

func (f *front) close() error {
	err := f.listener.Close()
	f.busy.Wait()
	return err
}

// transaction is what the client said, word for word.
type transaction struct {
	helo, mail string
	rcpts      []string
}

// converse ends after half a minute of silence, so that close cannot hang.
func (f *front) converse(c net.Conn) {
	defer c.Close()
	text := textproto.NewConn(c)
	var t transaction
	reply := "220 mx.example.net ESMTP stand-in"
	for {
		if text.PrintfLine("%s", reply) != nil || c.SetDeadline(time.Now().Add(30*time.Second)) != nil {
			return
		}
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		switch verb, rest, _ := strings.Cut(line, " "); strings.ToUpper(verb) {
		case "EHLO", "HELO":
			t, reply = transaction{helo: rest}, "250 mx.example.net"
		case "MAIL":
			t.mail, t.rcpts, reply = line, nil, "250 2.1.0 Ok"
		case "RCPT":
			t.rcpts, reply = append(t.rcpts, line), "250 2.1.5 Ok"
		case "DATA":
			reply = f.data(text, c, t)
		case "RSET":
			t.mail, t.rcpts, reply = "", nil, "250 2.0.0 Ok"
		case "QUIT":
			_ = text.PrintfLine("221 2.0.0 Bye")
			return
		default:
			reply = "502 5.5.2 Error: the stand-in does not know this"
		}
	}
}

func (f *front) data(text *textproto.Conn, c net.Conn, t transaction) string {
	if len(t.rcpts) == 0 {
		return "503 5.5.1 Error: need RCPT command"
	}
	if text.PrintfLine("354 End data with <CR><LF>.<CR><LF>") != nil {
		return ""
	}
	content, err := text.ReadDotBytes()
	if err != nil {
		return "451 4.3.0 Error: " + err.Error()
	}
	host, port, _ := net.SplitHostPort(c.RemoteAddr().String())
	forward := fmt.Sprintf("XFORWARD NAME=[UNAVAILABLE] ADDR=%s PORT=%s HELO=%s IDENT=[UNAVAILABLE] PROTO=ESMTP SOURCE=REMOTE", host, port, t.helo)
	received := fmt.Sprintf("Received: from %s (unknown [%s])\n\tby mx.example.net (Postfix) with ESMTP; %s\n", t.helo, host, time.Now().Format(time.RFC1123Z))
	reply, err := f.pass(t, forward, append([]byte(received), content...))
	if err != nil {
		return "451 4.3.0 Error: queue file write error" // Postfix's own words
	}
	return reply
}

// pass hands a message on as smtpd_proxy.c does: the first reply that was not
// expected is the client's.
func (f *front) pass(t transaction, forward string, content []byte) (string, error) {
	c, err := net.Dial("tcp", f.filter)
	if err != nil {
		return "", err
	}
	defer c.Close()
	text := textproto.NewConn(c)
	if _, _, err := text.ReadResponse(220); err != nil {
		return "", err
	}
	for _, command := range append([]string{"EHLO mx.example.net", forward, t.mail}, append(t.rcpts, "DATA")...) {
		want := 250
		if command == "DATA" {
			want = 354
		}
		if err := text.PrintfLine("%s", command); err != nil {
			return "", err
		}
		if code, message, err := text.ReadResponse(want); err != nil {
			return refusal(code, message, err)
		}
	}
	w := text.DotWriter()
	if _, err := bufio.NewReader(strings.NewReader(string(content))).WriteTo(w); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	code, message, err := text.ReadResponse(0)
	_ = text.PrintfLine("QUIT")
	return refusal(code, message, err)
}

func refusal(code int, message string, err error) (string, error) {
	if code == 0 {
		return "", err
	}
	return fmt.Sprintf("%d %s", code, message), nil
}

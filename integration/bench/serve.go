package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"time"
)

// address is the first line that a serving role prints.
type address struct{ Addr string }

// serve accepts connections and answers questions on standard input, one line
// of JSON each, until that ends. So no role outlives the program that started
// it, however that ended.
func serve(ctx context.Context, listen string, con console, talk func(net.Conn), ask func(string) (any, error)) error {
	// Keep-alive would cost three system calls a connection.
	config := net.ListenConfig{KeepAlive: -1}
	listener, err := config.Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	ended := make(chan error, 2)
	go func() { ended <- accept(listener, talk) }()
	out := json.NewEncoder(con.out)
	if err := out.Encode(address{listener.Addr().String()}); err != nil {
		return err
	}
	go func() { ended <- answers(con, out, ask) }()
	err = <-ended
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// answers reads questions to the end of standard input.
func answers(con console, out *json.Encoder, ask func(string) (any, error)) error {
	lines := bufio.NewScanner(con.in)
	for lines.Scan() {
		answer, err := ask(lines.Text())
		if err != nil {
			fmt.Fprintln(con.err, err)
			answer = nil
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

// accept hands out connections. An error that passes, as having no descriptor
// left, must not end a run.
func accept(listener net.Listener, talk func(net.Conn)) error {
	for {
		conn, err := listener.Accept()
		if err == nil {
			go talk(conn)
			continue
		}
		if passing, ok := err.(interface{ Temporary() bool }); !ok || !passing.Temporary() {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

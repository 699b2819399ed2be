package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
)

// Wiretap stands between the first Postfix and a server behind it. It passes on
// every byte as it comes, in both directions, and keeps what Postfix said.
//
// In front of the program it tells what the program was given. In front of the
// second Postfix it is a filter that looks at nothing, which is the one that
// lets smugglers through.
type Wiretap struct {
	Address string // where Postfix connects

	listener net.Listener
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	busy     sync.WaitGroup

	mu    sync.Mutex
	open  int
	ended []Conversation
	quiet chan struct{} // closed and replaced whenever a conversation ends
}

// NewWiretap listens. Nobody is answered before Connect.
func NewWiretap() (*Wiretap, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("wiretap: %w", err)
	}
	w := &Wiretap{Address: l.Addr().String(), listener: l, quiet: make(chan struct{})}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w, nil
}

// Connect passes on from now on to the server at that address.
func (w *Wiretap) Connect(server string) {
	w.busy.Go(func() {
		for {
			client, err := w.listener.Accept()
			if err != nil {
				return
			}
			w.mu.Lock()
			w.open++
			w.mu.Unlock()
			w.busy.Go(func() {
				said := w.pass(client.(*net.TCPConn), server)
				w.mu.Lock()
				defer w.mu.Unlock()
				w.open--
				w.ended = append(w.ended, readConversation(said))
				close(w.quiet)
				w.quiet = make(chan struct{})
			})
		}
	})
}

// pass carries one connection to its end and returns what the client said. A
// server that cannot be reached is one that hangs up.
func (w *Wiretap) pass(client *net.TCPConn, address string) []byte {
	defer client.Close()
	var dialer net.Dialer
	conn, err := dialer.DialContext(w.ctx, "tcp", address)
	if err != nil {
		return nil
	}
	server := conn.(*net.TCPConn)
	defer server.Close()
	stop := context.AfterFunc(w.ctx, func() { client.Close(); server.Close() })
	defer stop()
	var said recorder
	var both sync.WaitGroup
	both.Go(func() { carry(io.MultiWriter(&said, server), client, server) })
	both.Go(func() { carry(client, server, client) })
	both.Wait()
	return said
}

type recorder []byte

func (r *recorder) Write(b []byte) (int, error) {
	*r = append(*r, b...)
	return len(b), nil
}

// carry passes on up to the end of a stream, and the end too. After an error,
// such as Postfix's reset when it does not read our 221, both streams end: a
// half that nobody reads would stay for ever.
func carry(to io.Writer, from, half *net.TCPConn) {
	if _, err := io.Copy(to, from); err == nil {
		_ = half.CloseWrite()
		return
	}
	_ = from.Close()
	_ = half.Close()
}

// Conversations are those that have ended since the last call, once none is
// under way.
func (w *Wiretap) Conversations(ctx context.Context) ([]Conversation, error) {
	for {
		w.mu.Lock()
		open, quiet := w.open, w.quiet
		if open == 0 {
			defer w.mu.Unlock()
			ended := w.ended
			w.ended = nil
			return slices.Clone(ended), nil
		}
		w.mu.Unlock()
		select {
		case <-quiet:
		case <-ctx.Done():
			return nil, fmt.Errorf("wiretap: %d conversations go on: %w", open, ctx.Err())
		}
	}
}

// Close ends all conversations.
func (w *Wiretap) Close() error {
	w.cancel()
	err := w.listener.Close()
	w.busy.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

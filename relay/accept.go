package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/rs/zerolog"
)

// open takes connections at one door until ctx ends.
func (s *Server) open(ctx context.Context, library *smtp.Server, door *Door) {
	stop := context.AfterFunc(ctx, func() { door.Listener.Close() })
	defer stop()
	defer door.Listener.Close()
	library.Serve(gate{ctx, s, door}) // fails when the listener is closed
}

// gate is a door as go-smtp sees it: a listener whose connections are fronts.
// Postfix must be greeted at once, so scoring is limited, not accepting; only at
// MaxConnections the rest waits in the kernel's queue.
type gate struct {
	ctx  context.Context
	srv  *Server
	door *Door
}

// Accept gives the next connection that may come in. It fails only when the door
// is closed: go-smtp would end on any error that it takes for lasting.
func (g gate) Accept() (net.Conn, error) {
	var delay time.Duration
	for {
		conn, err := g.door.Listener.Accept()
		switch {
		case err != nil && (g.ctx.Err() != nil || errors.Is(err, net.ErrClosed)):
			return nil, net.ErrClosed
		case err != nil:
			delay = g.srv.backOff(g.ctx, delay, err)
			continue
		case !g.srv.allowed(conn):
			g.srv.turnAway(conn)
		default:
			g.srv.place(g.ctx, g.door)
			return g.srv.greet(conn, g.door), nil
		}
		delay = 0
	}
}

// Close is for Serve, which closes the listener itself.
func (g gate) Close() error { return nil }

// Addr is where Postfix connects.
func (g gate) Addr() net.Addr { return g.door.Listener.Addr() }

// place waits for one of MaxConnections places, with one connection in hand. When
// ctx ends first, that one gets in all the same: it has left the kernel's queue,
// where a next process could find it, and to hang up on it without a greeting
// would cost its message a retry.
func (s *Server) place(ctx context.Context, door *Door) {
	if s.places == nil {
		return
	}
	select {
	case s.places <- struct{}{}:
		return
	default:
	}
	s.Log.Warn().Str("listener", door.Listener.Addr().String()).Int("max_connections", s.MaxConnections).
		Msg("no more connections are accepted until one ends")
	select {
	case s.places <- struct{}{}:
	case <-ctx.Done():
	}
}

// backOff waits after a failed Accept, which is mostly a lack of descriptors.
// Ending the server for it would turn a shortage into an outage.
func (s *Server) backOff(ctx context.Context, delay time.Duration, err error) time.Duration {
	delay = min(max(5*time.Millisecond, 2*delay), time.Second)
	s.Log.Error().Err(err).Dur("pause", delay).Msg("accept")
	select {
	case <-time.After(delay):
	case <-ctx.Done():
	}
	return delay
}

// allowed says whether the peer may talk to us. Whoever may can send mail past
// every check of Postfix.
func (s *Server) allowed(conn net.Conn) bool {
	peer, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok || len(s.Allow) == 0 {
		return true // a unix socket has its permissions
	}
	addr := peer.AddrPort().Addr().Unmap().WithZone("")
	for _, prefix := range s.Allow {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

func (s *Server) turnAway(conn net.Conn) {
	defer conn.Close()
	s.Log.Warn().Str("peer", conn.RemoteAddr().String()).Msg("connection refused: not in server.allow")
	conn.SetWriteDeadline(time.Now().Add(time.Second))
	conn.Write(text(554, "5.7.1 Access denied").Append(nil))
}

// complaints is go-smtp's log. It prints panics with their stack.
type complaints struct{ log zerolog.Logger }

// Printf logs one complaint.
func (c complaints) Printf(format string, v ...any) {
	c.log.Error().Str("library", fmt.Sprintf(format, v...)).Msg("conversation")
}

// Println logs one complaint.
func (c complaints) Println(v ...any) {
	c.log.Error().Str("library", fmt.Sprintln(v...)).Msg("conversation")
}

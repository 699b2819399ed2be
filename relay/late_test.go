package relay

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// lateConn is a connection on which the reply comes in the moment in which it is closed.
type lateConn struct {
	net.Conn
	closed chan struct{}
}

func (c *lateConn) SetDeadline(time.Time) error { return nil }
func (c *lateConn) Write(p []byte) (int, error) { return len(p), nil }

func (c *lateConn) Close() error {
	select {
	case <-c.closed:
	default:
		close(c.closed)
	}
	return nil
}

func (c *lateConn) Read(p []byte) (int, error) {
	<-c.closed
	return copy(p, "250 2.0.0 Ok: queued as 4ABC\r\n"), nil
}

func TestAConnectionThatIsBeingClosedIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &NextHop{Connections: 2, Idle: 2}
		n.prepare()
		n.places <- struct{}{}
		h := &hop{conn: &lateConn{closed: make(chan struct{})}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if out := n.later(h)(ctx); !out.accepted() || queueID(out.reply) != "4ABC" {
			t.Errorf("came to %+v", out)
		}
		if len(n.idle) != 0 {
			t.Error("the next message would be on it")
		}
		if len(n.places) != 0 {
			t.Error("its place is not given back")
		}
	})
}

func TestTheOnlyConnectionIsNotLostToALateReply(t *testing.T) {
	for connections, want := range map[int]int{1: 0, 2: 1, 3: 1, 50: 25} {
		n := &NextHop{Connections: connections}
		n.prepare()
		got := 0
		for n.later(&hop{}) != nil {
			got++
		}
		if got != want {
			t.Errorf("of %d connections %d may wait for late replies, want %d", connections, got, want)
		}
	}
}

package relay

import (
	"bufio"
	"context"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestAccept(t *testing.T) {
	played(t, "beyond max_connections nobody is greeted until a conversation ends", func(c *chain) {
		c.server.MaxConnections = 2
	}, func(t *testing.T, c *chain) {
		first, second := c.dial(), c.dial()
		defer second.close()
		var waiting []*postfix
		for range 3 {
			conn, err := c.front.Dial(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			waiting = append(waiting, &postfix{t: t, conn: conn, r: bufio.NewReader(conn)})
		}
		third := waiting[0]
		third.conn.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := third.r.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a third conversation: %v", err)
		}
		if n := c.server.Conversations(); n != 2 {
			t.Errorf("%d conversations", n)
		}
		third.conn.SetReadDeadline(time.Time{})
		first.close()
		synctest.Wait()
		third.expect("220 ")
	})
}

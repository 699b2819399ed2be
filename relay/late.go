package relay

import (
	"context"
	"time"
)

// lateTime is how long a reply is awaited that is of no use to the client any
// more. It is of use to its retry.
const lateTime = 5 * time.Minute

// later gives what goes on reading the reply of a next hop that has said nothing
// in time. It must be called; it returns when the reply has come, the connection
// has ended, lateTime is over or the context has ended.
//
// The connection keeps its place until then, because the next hop is busy with it.
// At most half of the places may be lost so, and the only one never: beyond that there
// is none, and nobody will know what became of the message.
func (n *NextHop) later(h *hop) func(context.Context) outcome {
	select {
	case n.late <- struct{}{}:
	default:
		return nil
	}
	return func(ctx context.Context) outcome {
		defer func() { <-n.late }()
		ctx, cancel := context.WithTimeout(ctx, lateTime)
		defer cancel()
		h.conn.SetDeadline(time.Time{})
		stop := context.AfterFunc(ctx, h.close)
		answer, err := h.read()
		h.ending = !stop()
		return n.answered(h, answer, err)
	}
}

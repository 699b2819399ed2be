package takeover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// patience is for what the other process can do at once. What the new one needs to
// get ready has no limit: the old one loses nothing by waiting.
const patience = 5 * time.Second

// Offer is the old process's part: it lets the next process take its sockets.
type Offer struct {
	Socket  *Socket     // where the next process asks; it is passed like the others
	Sockets []*Socket   // all others
	Failed  func(error) // told of each process that asked and did not take over
}

// Successor is the process that serves in our place.
type Successor struct {
	PID  int // 0 if it cannot be seen from here
	conn *net.UnixConn
}

// Released tells it that this process does not accept any more.
func (s *Successor) Released() error { return say(s.conn, wordReleased) }

// Close tells it that this process has no part in anything any more. The end of the
// process does too.
func (s *Successor) Close() error { return s.conn.Close() }

// Wait answers whoever asks, one at a time, until a process serves in our place, and
// returns it; or nil when ctx has ended before. Nobody can ask after that. Until
// then the caller must go on accepting.
func (o *Offer) Wait(ctx context.Context) *Successor {
	defer o.Socket.Close()
	stop := context.AfterFunc(ctx, func() { o.Socket.Close() })
	defer stop()
	for {
		conn, err := o.Socket.Accept()
		switch {
		case err != nil && (ctx.Err() != nil || errors.Is(err, net.ErrClosed)):
			return nil
		case err != nil:
			o.Failed(err)
			select { // mostly a lack of descriptors
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
			continue
		}
		next, err := o.attend(ctx, conn.(*net.UnixConn))
		if err == nil {
			return next
		}
		conn.Close()
		if ctx.Err() != nil {
			return nil
		}
		o.Failed(err)
	}
}

// attend walks with one process up to its word that it serves.
func (o *Offer) attend(ctx context.Context, conn *net.UnixConn) (*Successor, error) {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	conn.SetDeadline(time.Now().Add(patience))
	pid, err := meet(conn)
	if err == nil {
		err = lasting(os.Getpid(), pid)
	}
	if err == nil {
		err = hear(conn, wordAsk)
	}
	if err != nil {
		refuse(conn, err)
		return nil, fmt.Errorf("process %d asked in vain: %w", pid, err)
	}
	all := append([]*Socket{o.Socket}, o.Sockets...)
	share(all, true)
	err = send(conn, all)
	if err == nil {
		conn.SetDeadline(time.Time{})
		err = hear(conn, wordServing)
	}
	switch {
	case err == nil:
		return &Successor{PID: pid, conn: conn}, nil
	case ctx.Err() != nil:
		return nil, err // we are stopping, and it goes on: the paths are its own now
	}
	share(all, false)
	return nil, fmt.Errorf("process %d has not taken over: %w", pid, err)
}

// lasting is why that process cannot live on without this one, or nil: a container
// ends with its process 1, and everything in it (pid_namespaces(7)). A process of
// another container cannot be seen from here, and has no number.
func lasting(own, pid int) error {
	if own == 1 && pid != 0 {
		return errors.New("the container ends with process 1, and the next process with it: start another container")
	}
	return nil
}

// refuse tells the process why, as well as that goes.
func refuse(conn *net.UnixConn, why error) {
	if data, err := json.Marshal(answer{Refused: why.Error()}); err == nil {
		conn.Write(append(data, '\n'))
	}
}

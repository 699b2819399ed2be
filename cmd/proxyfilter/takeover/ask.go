package takeover

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"syscall"
	"time"
)

// Predecessor is the new process's part: the process whose sockets it was given.
type Predecessor struct {
	PID int // 0 if it cannot be seen from here

	conn     *net.UnixConn
	received []*Socket
	rest     []*Socket // not taken
	gone     chan struct{}
}

// Ask gets the sockets of the process that listens at path, and ErrNobody when there
// is none. The other process goes on until Serving is called; Close gives up.
func Ask(path string) (*Predecessor, error) {
	conn, err := net.DialTimeout("unix", path, patience)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%s: %w", path, ErrNobody)
	}
	if err != nil {
		return nil, err
	}
	p := &Predecessor{conn: conn.(*net.UnixConn), gone: make(chan struct{})}
	if err := p.ask(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("the process at %s: %w", path, err)
	}
	return p, nil
}

// ask waits longer than the other side takes for one process that says nothing,
// behind which this one may stand in line.
func (p *Predecessor) ask() (err error) {
	p.conn.SetDeadline(time.Now().Add(2 * patience))
	if p.PID, err = meet(p.conn); err != nil {
		return err
	}
	// Who refuses us does not wait for our word, and what it said is there to be read.
	unheard := say(p.conn, wordAsk)
	if p.received, err = receive(p.conn); errors.Is(err, io.EOF) && unheard != nil {
		return unheard
	} else if err != nil {
		return err
	}
	p.rest = slices.Clone(p.received)
	return p.conn.SetDeadline(time.Time{})
}

// Take gives the first socket of that name that is left to the caller, who closes
// it, or nil.
func (p *Predecessor) Take(name string) *Socket {
	i := slices.IndexFunc(p.rest, func(s *Socket) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	s := p.rest[i]
	p.rest = slices.Delete(p.rest, i, i+1)
	return s
}

// Rest are the names of the sockets that nobody has taken. Serving closes them.
func (p *Predecessor) Rest() []string {
	var names []string
	for _, s := range p.rest {
		names = append(names, s.Name)
	}
	return names
}

// Serving says that this process accepts, and returns once the other one does not
// accept any more, or has died, or has not answered within the time. It must be
// called once. After an error both processes may be accepting, which loses no
// connection.
func (p *Predecessor) Serving(within time.Duration) error {
	p.conn.SetReadDeadline(time.Now().Add(within))
	err := say(p.conn, wordServing)
	if err == nil {
		err = hear(p.conn, wordReleased)
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("process %d does not say that it has stopped accepting: %w", p.PID, err)
	case err != nil:
		err = fmt.Errorf("process %d has ended in the middle: %w", p.PID, err)
		share(p.received, false)
	default:
		share(p.received, false)
	}
	for _, s := range p.rest {
		s.Close()
	}
	p.conn.SetReadDeadline(time.Time{})
	go p.watch()
	return err
}

func (p *Predecessor) watch() {
	defer close(p.gone)
	io.Copy(io.Discard, p.conn)
}

// Gone is closed when the other process has ended, after Serving.
func (p *Predecessor) Gone() <-chan struct{} {
	if p == nil {
		return nil
	}
	return p.gone
}

// Close ends the connection. Before Serving that means that this process gives up,
// and the sockets that nobody has taken are closed with it. It may be called for nil.
func (p *Predecessor) Close() error {
	if p == nil {
		return nil
	}
	for _, s := range p.rest {
		s.Close()
	}
	return p.conn.Close()
}

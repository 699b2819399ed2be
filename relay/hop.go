package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"proxyfilter/relay/wire"
)

// hop is one conversation with the next hop. go-smtp's client is not used for
// it: it prints envelopes anew, and its Quit commits half a message.
//
// An error of its methods means that nothing can be said any more, and that
// nothing was accepted as far as we heard; the connection must be closed.
type hop struct {
	conn       net.Conn
	in         []byte // read and not used yet
	out        []byte // a flight under way
	reused     bool   // it was kept, and may have died meanwhile
	pipelining bool
	forwards   []string // XFORWARD attributes that it knows
	xclients   []string // XCLIENT attributes
	size       int64    // the SIZE that it announced; 0 is none
	expires    *time.Timer
	ending     bool // it is being closed, perhaps not before the next message would be on it
}

// errOdd is an answer that no mail server gives. After it nobody knows what the
// next hop took for content and what for commands.
var errOdd = errors.New("the next hop talks out of turn")

// until applies the context's deadline to all that follows.
func (h *hop) until(ctx context.Context) {
	deadline, _ := ctx.Deadline() // zero: none
	h.conn.SetDeadline(deadline)
}

// read reads one reply.
func (h *hop) read() (wire.Reply, error) {
	for {
		reply, used, err := wire.ParseReply(h.in)
		switch {
		case err == nil:
			h.in = h.in[:copy(h.in, h.in[used:])]
			return reply, nil
		case !errors.Is(err, wire.ErrIncomplete):
			return wire.Reply{}, fmt.Errorf("reply of the next hop: %w", err)
		}
		if len(h.in) == cap(h.in) {
			h.in = append(make([]byte, 0, max(1024, 2*cap(h.in))), h.in...)
		}
		n, err := h.conn.Read(h.in[len(h.in):cap(h.in)])
		if h.in = h.in[:len(h.in)+n]; n == 0 && err != nil {
			return wire.Reply{}, fmt.Errorf("reply of the next hop: %w", err)
		}
	}
}

// send writes what has been collected, in one write.
func (h *hop) send() error {
	_, err := h.conn.Write(h.out)
	h.out = h.out[:0]
	if err != nil {
		return fmt.Errorf("to the next hop: %w", err)
	}
	return nil
}

func (h *hop) command(line string) {
	h.out = append(append(h.out, line...), '\r', '\n')
}

// ask says one line and returns the answer.
func (h *hop) ask(line string) (wire.Reply, error) {
	h.command(line)
	if err := h.send(); err != nil {
		return wire.Reply{}, err
	}
	return h.single()
}

// single reads one reply, which must be alone: a second one would be taken for
// the answer to the next command, and a yes for the answer to a message.
func (h *hop) single() (wire.Reply, error) {
	reply, err := h.read()
	if err == nil && h.extra() {
		err = errOdd
	}
	return reply, err
}

// silent says whether the next hop is there and says nothing, as it must while
// content is under way.
func (h *hop) silent() error {
	if h.extra() {
		return errOdd
	}
	switch err := peek(h.conn, &h.in); {
	case errors.Is(err, errExcess):
		return errOdd
	case err != nil:
		return fmt.Errorf("the next hop broke off: %w", io.EOF)
	}
	return nil
}

// greet waits for the greeting and says EHLO.
func (h *hop) greet(hostname string) error {
	reply, err := h.single()
	if err == nil && reply.Class() == 2 {
		reply, err = h.ask("EHLO " + hostname)
	}
	switch {
	case err != nil:
		return err
	case reply.Class() != 2:
		return fmt.Errorf("the next hop greets with %s", reply)
	}
	h.learn(reply)
	return nil
}

// learn takes over what the EHLO reply announces.
func (h *hop) learn(reply wire.Reply) {
	h.pipelining, h.forwards, h.xclients = false, nil, nil
	for _, line := range reply.Lines[1:] {
		words := strings.Fields(strings.ToUpper(line))
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "PIPELINING":
			h.pipelining = true
		case "XFORWARD":
			h.forwards = words[1:]
		case "XCLIENT":
			h.xclients = words[1:]
		case "SIZE":
			if len(words) > 1 {
				h.size, _ = strconv.ParseInt(words[1], 10, 64)
			}
		}
	}
}

// impersonate makes the next hop believe that it talks to the remote client.
// It must have offered that: without, our mail would pass for local mail, and
// be signed and relayed as such.
func (h *hop) impersonate(forward wire.Forward, hostname string) error {
	if len(h.xclients) == 0 {
		return errors.New("the next hop does not offer XCLIENT to us (smtpd_authorized_xclient_hosts)")
	}
	f := flight{hop: h}
	for line := range h.forward(forward) { // first: afterwards we are not who may say XFORWARD
		f.board(line, (*flight).indifferent)
	}
	if err := f.land(); err != nil {
		return err
	}
	names := known(h.xclients, "NAME", "ADDR", "PORT", "PROTO", "HELO")
	command := forward.Append(nil, "XCLIENT", names)
	if bytes.Count(command, []byte("\n")) > 1 { // a second one would come from the client, who may not
		forward.Helo = ""
		command = forward.Append(nil, "XCLIENT", names)
	}
	h.out = append(h.out, command...)
	if err := h.send(); err != nil {
		return err
	}
	return h.greet(hostname) // the next hop starts anew, with its greeting
}

// forward is the XFORWARD commands for a client.
func (h *hop) forward(forward wire.Forward) iter.Seq[string] {
	commands := string(forward.Append(nil, "XFORWARD", h.forwards))
	return func(yield func(string) bool) {
		for command := range strings.Lines(commands) {
			if !yield(strings.TrimSuffix(command, "\r\n")) {
				return
			}
		}
	}
}

func known(offered []string, wanted ...string) []string {
	return slices.DeleteFunc(wanted, func(name string) bool { return !slices.Contains(offered, name) })
}

// extra reports bytes that belong to no reply: the smuggling alarm.
func (h *hop) extra() bool { return len(h.in) > 0 }

// close ends the conversation at once. In the middle of content that is the
// only way that cannot be taken for an end of data.
func (h *hop) close() { h.conn.Close() }

// leave ends it politely, where no transaction is open.
func (h *hop) leave() {
	h.conn.SetDeadline(time.Now().Add(time.Second))
	h.conn.Write([]byte("QUIT\r\n"))
	h.conn.Close()
}

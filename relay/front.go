package relay

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"proxyfilter/relay/wire"
)

// state is what may happen next on the connection from Postfix.
type state uint8

const (
	replying state = iota // go-smtp owes a reply; the greeting is the first
	command               // the next command line is awaited
	content               // 354 has left; bytes belong to the message
	received              // the end of data was seen; go-smtp owes the reply
	closed
)

// What ends a wait for an answer of ours.
var (
	errGone   = errors.New("postfix hung up")
	errExcess = errors.New("bytes came after the end of data and before the reply")
)

const (
	// maxCommand is longer than any line that Postfix sends
	// (line_length_limit, 2048 bytes).
	maxCommand = 4096

	// maxMistakes is how many unknown commands are answered before the
	// connection is closed.
	maxMistakes = 20

	writeTimeout = 30 * time.Second

	// quiet is how long a conversation without a transaction may go on when
	// the server is stopping.
	quiet = 5 * time.Second
)

// front is the connection that go-smtp gets in place of the one from Postfix.
// go-smtp keeps what it is good at: the order of commands, replies and the
// containment of panics. It never sees content, an envelope, XFORWARD, two
// commands at once or half a command, because it is unsafe with each of them.
//
// One goroutine, go-smtp's, uses a front; only drain, abandon and wake may be
// called by others.
type front struct {
	raw      net.Conn
	door     *Door
	hostname string
	buffers  *buffers
	hello    func() []string // lines of the EHLO reply
	idle     time.Duration
	done     func() // called once, at Close

	state    state
	in       []byte  // read from Postfix and not used yet
	borrowed *[]byte // what in is part of, within content
	pending  []byte  // for go-smtp's next Read
	out      []byte  // what go-smtp has written of its reply so far
	verb     string
	line     string // the MAIL or RCPT command, as sent
	xforward wire.Forward
	dropped  int         // XFORWARD attributes that could not be read
	mistakes int         // unknown commands
	override *wire.Reply // replaces go-smtp's next reply if the class agrees
	hangUp   bool        // close behind the next reply
	heard    func()      // called once, when the next command shows that the last reply was heard

	writeUntil time.Time // the write deadline

	mu       sync.Mutex // guards the three below, and the read deadline with them
	waiting  bool       // for a command
	engaged  bool       // a transaction is open
	draining bool
	once     sync.Once
}

// argument is the MAIL or RCPT command that go-smtp was just told of, byte for
// byte as Postfix sent it, without its CRLF.
func (f *front) argument() string { return f.line }

// forward is what XFORWARD has told so far.
func (f *front) forward() wire.Forward { return f.xforward }

// answer replaces the text of the reply that go-smtp is about to write, if the
// first digit of both agrees: go-smtp stays the judge of what happened.
func (f *front) answer(r wire.Reply) { f.override = &r }

// engage says whether a transaction is open. A stopping server lets it finish.
func (f *front) engage(open bool) {
	f.mu.Lock()
	f.engaged = open
	f.mu.Unlock()
}

// drain makes the conversation end once no transaction is open.
func (f *front) drain() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.draining = true
	if f.waiting && !f.engaged {
		f.raw.SetReadDeadline(time.Now().Add(quiet))
	}
}

// abandon closes the connection under the conversation.
func (f *front) abandon() { f.raw.Close() }

// Read gives go-smtp exactly one command line, and only after the reply to the
// one before has left (DESIGN: two state machines must be in lock-step). It
// returns no errors that go-smtp would answer.
func (f *front) Read(p []byte) (int, error) {
	if len(f.pending) == 0 {
		switch f.state {
		case command:
			f.next()
		case received: // go-smtp looks for the end of content that it never saw
			f.pending = append(f.pending, ".\r\n"...)
		default:
			f.shut() // it wants content, or a dialogue that is not ours, such as SASL
		}
	}
	if f.state == closed {
		return 0, io.EOF
	}
	n := copy(p, f.pending)
	f.pending = f.pending[:copy(f.pending, f.pending[n:])]
	return n, nil
}

// next waits for a command that go-smtp has to know, and makes it pending.
func (f *front) next() {
	for f.state == command {
		line, err := f.readLine()
		switch {
		case errors.Is(err, wire.ErrTooLong):
			f.refuse(wire.Reply{Code: 500, Lines: []string{"5.5.2 Error: command line too long"}})
			return
		case errors.Is(err, wire.ErrControl):
			f.refuse(wire.Reply{Code: 500, Lines: []string{"5.5.2 Error: control character in command"}})
			return
		case err != nil:
			f.shut()
			return
		}
		f.dispatch(line)
	}
}

// readLine reads one whole command line, within one absolute time: a client
// that sends a byte now and then does not keep the connection. A line cut short
// by the end of the connection is never executed.
func (f *front) readLine() (string, error) {
	if err := f.await(true); err != nil {
		return "", err
	}
	defer f.await(false)
	for {
		line, used, err := wire.Line(f.in, maxCommand)
		if !errors.Is(err, wire.ErrIncomplete) {
			text := string(line)
			f.consume(used)
			return text, err
		}
		if err := f.fill(); err != nil {
			return "", err
		}
	}
}

func (f *front) await(on bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = on
	if !on {
		return nil
	}
	limit := f.idle
	if f.draining && !f.engaged {
		limit = min(limit, quiet)
	}
	return f.raw.SetReadDeadline(time.Now().Add(limit))
}

// fill reads once more. The buffer is small, because thousands of connections
// may have one: a command is seldom longer than 100 bytes.
func (f *front) fill() error {
	if len(f.in) == cap(f.in) {
		f.in = append(make([]byte, 0, max(512, 2*cap(f.in))), f.in...)
	}
	n, err := f.raw.Read(f.in[len(f.in):cap(f.in)])
	f.in = f.in[:len(f.in)+n]
	if n > 0 {
		return nil
	}
	return err
}

func (f *front) consume(n int) { f.in = f.in[:copy(f.in, f.in[n:])] }

// dispatch decides which part of a command go-smtp hears.
func (f *front) dispatch(line string) {
	if f.heard != nil {
		f.heard()
		f.heard = nil
	}
	verb, rest := cutVerb(line)
	switch verb {
	case "EHLO", "HELO":
		// go-smtp refuses names that Postfix may have as its own.
		f.pass(verb, verb+" postfix")
	case "MAIL":
		f.path(verb, line, rest, "FROM:")
	case "RCPT":
		f.path(verb, line, rest, "TO:")
	case "DATA", "RSET", "NOOP", "QUIT", "VRFY":
		f.pass(verb, verb)
	case "XFORWARD":
		// Always 250: Postfix turns anything else into 451, for ever.
		f.dropped += f.xforward.Read(rest)
		f.say(wire.Reply{Code: 250, Lines: []string{"2.0.0 Ok"}})
	case "BDAT":
		// What follows would be read as commands.
		f.refuse(wire.Reply{Code: 502, Lines: []string{"5.5.1 Error: command not implemented"}})
	default:
		f.unknown()
	}
}

// path shows go-smtp a path that it cannot find fault with. It would refuse
// <postmaster>, unknown parameters and much else that Postfix has accepted, and
// print quoted local parts without their quotes.
func (f *front) path(verb, line, rest, keyword string) {
	rest = trimLeft(rest)
	if len(rest) < len(keyword) || !strings.EqualFold(rest[:len(keyword)], keyword) {
		f.say(wire.Reply{Code: 501, Lines: []string{"5.5.4 Syntax: " + verb + " " + keyword + "<address>"}})
		return
	}
	f.line = line
	f.pass(verb, verb+" "+keyword+"<postfix@front.invalid>")
}

func (f *front) pass(verb, line string) {
	f.verb, f.state = verb, replying
	f.pending = append(append(f.pending[:0], line...), '\r', '\n')
}

func (f *front) unknown() {
	if f.mistakes++; f.mistakes > maxMistakes {
		f.refuse(wire.Reply{Code: 500, Lines: []string{"5.5.1 Error: too many mistakes"}})
		return
	}
	f.say(wire.Reply{Code: 502, Lines: []string{"5.5.2 Error: command not recognized"}})
}

// refuse says a last word.
func (f *front) refuse(r wire.Reply) {
	f.say(r)
	f.shut()
}

func (f *front) say(r wire.Reply) { f.send(r.Append(nil)) }

// send writes within writeTimeout, or up to twice that: the deadline is a timer,
// and is not set anew for each of a message's replies.
func (f *front) send(reply []byte) {
	if now := time.Now(); f.writeUntil.Sub(now) < writeTimeout {
		f.writeUntil = now.Add(2 * writeTimeout)
		f.raw.SetWriteDeadline(f.writeUntil)
	}
	if _, err := f.raw.Write(reply); err != nil {
		f.shut()
	}
}

// shut closes the connection. Nothing is read from it or written to it again.
func (f *front) shut() {
	f.state = closed
	f.raw.Close()
}

// Package relaytest plays the next hop: an after-filter Postfix whose faults are
// fields.
//
// A Hop answers on any net.Listener as Postfix's smtpd would, remembers what it
// was sent, and is strict where Postfix is generous: whatever a client may not do
// (bytes that nobody asked for, commands out of order, content with a bare CR or
// LF, a line end that is none) is noted as a violation. It parses with code of its
// own, for a fake that shared the code under test would share its mistakes.
//
// The end of data is CRLF . CRLF and nothing else (RFC 5321 4.1.1.4).
//
// Tricks is the corpus of sequences that have ended messages where no message ended;
// every test of smuggling uses it.
//
// Listener and Pipe are connections in memory, for testing/synctest, where waiting
// on a real socket would stop the virtual clock.
package relaytest

import (
	"fmt"
	"net"
	"strings"
	"sync"
)

// Hop is a next hop. Its fields may not change once it serves, but for the faults,
// see Become; the zero Hop is a Postfix without faults.
type Hop struct {
	// Hostname is in the greeting; empty means hop.example.
	Hostname string

	// Announce is what EHLO answers with after the name; nil means what Postfix
	// 3.7 announces to a host that may use XFORWARD.
	Announce []string

	// At are the faults by stage.
	At map[Stage]Fault

	// Recipients are the faults of single recipients, by their argument of RCPT
	// up to its first ">".
	Recipients map[string]Fault

	mu         sync.Mutex
	once       sync.Once
	quit       chan struct{}
	closed     bool
	open       map[net.Conn]bool
	busy       sync.WaitGroup
	came       map[Stage]int // stages, in all conversations
	done       map[Stage]int // faults that have happened
	report     Report
	delivering int
}

// Report is what a Hop has seen.
type Report struct {
	Connections  int           // accepted
	Open         int           // of these, still open
	Most         int           // open at the same time
	Commands     []string      // every command line, without its line end
	Transactions []Transaction // every MAIL that was accepted, in that order
	Violations   []string      // what a client may not do
	Faults       int           // those of At that have happened since Become
}

// Transaction is one MAIL that was accepted, and what followed.
type Transaction struct {
	Connection int               // counted from 1
	Helo       string            // the argument of EHLO
	Forward    map[string]string // XFORWARD attributes, decoded, by name
	XClient    map[string]string // XCLIENT attributes, decoded, by name
	Mail       string            // the argument of MAIL, as sent, after "FROM:"
	Recipients []string          // those of RCPT that were accepted, as sent, after "TO:"
	Refused    []string          // those that were not
	Content    []byte            // unstuffed, without the end of data
	Complete   bool              // the end of data has come
	Taken      bool              // and the message was kept
	QueueID    string            // of a message that was kept
}

// Postfix is what Postfix 3.7 announces to a host that may use XFORWARD.
func Postfix() []string {
	return []string{
		"PIPELINING", "SIZE 10240000", "VRFY", "ETRN",
		"XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT",
		"ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING",
	}
}

func (h *Hop) start() {
	h.once.Do(func() {
		h.quit = make(chan struct{})
		h.open = make(map[net.Conn]bool)
		h.came = make(map[Stage]int)
		h.done = make(map[Stage]int)
	})
}

// Serve answers every connection until the listener is closed or Close is
// called. It returns what Accept said.
func (h *Hop) Serve(l net.Listener) error {
	h.start()
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		h.mu.Lock()
		if h.closed {
			h.mu.Unlock()
			c.Close()
			return net.ErrClosed
		}
		h.open[c] = true
		h.report.Connections++
		h.report.Most = max(h.report.Most, len(h.open))
		number := h.report.Connections
		h.busy.Add(1)
		h.mu.Unlock()
		go h.converse(c, number)
	}
}

// Become changes the faults by stage from here on, and counts them anew. Nil heals
// the hop; a fault under way goes on.
func (h *Hop) Become(at map[Stage]Fault) {
	h.start()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.At = at
	clear(h.came)
	clear(h.done)
}

// Close ends every conversation and waits for that. The listener is the caller's.
func (h *Hop) Close() {
	h.start()
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.quit)
	}
	for c := range h.open {
		c.Close()
	}
	h.mu.Unlock()
	h.busy.Wait()
}

// Report is a copy of what was seen up to now.
func (h *Hop) Report() Report {
	h.start()
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.report
	r.Open = len(h.open)
	for _, n := range h.done {
		r.Faults += n
	}
	r.Commands = append([]string(nil), r.Commands...)
	r.Transactions = append([]Transaction(nil), r.Transactions...)
	r.Violations = append([]string(nil), r.Violations...)
	return r
}

// Delivered are the transactions whose message the hop has kept.
func (r Report) Delivered() []Transaction {
	var kept []Transaction
	for _, t := range r.Transactions {
		if t.Taken {
			kept = append(kept, t)
		}
	}
	return kept
}

func (h *Hop) converse(conn net.Conn, number int) {
	defer h.busy.Done()
	c := newConversation(h, conn, number)
	c.run()
	conn.Close()
	h.mu.Lock()
	delete(h.open, conn)
	h.mu.Unlock()
}

// fault finds what is to happen at a stage, and counts it. nth is which one of its
// kind this is; 0 counts them over all conversations.
func (h *Hop) fault(stage Stage, nth int) (Fault, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.came[stage]++
	if nth == 0 {
		nth = h.came[stage]
	}
	for _, s := range []Stage{At(stage, nth), stage} {
		f, ok := h.At[s]
		if !ok || (f.Times > 0 && h.done[s] >= f.Times) {
			continue
		}
		h.done[s]++
		return f, true
	}
	return Fault{}, false
}

func (h *Hop) recipientFault(argument string) (Fault, bool) {
	path, _, _ := strings.Cut(argument, ">")
	for address, f := range h.Recipients {
		if strings.TrimPrefix(path, "<") == strings.Trim(address, "<>") {
			return f, true
		}
	}
	return Fault{}, false
}

// begin, change and violation write into the report.

func (h *Hop) begin(t Transaction) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.report.Transactions = append(h.report.Transactions, t)
	return len(h.report.Transactions) - 1
}

func (h *Hop) change(index int, how func(*Transaction)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	how(&h.report.Transactions[index])
}

func (h *Hop) command(line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.report.Commands = append(h.report.Commands, line)
}

func (h *Hop) violation(number int, format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := fmt.Sprintf("connection %d: ", number) + fmt.Sprintf(format, args...)
	h.report.Violations = append(h.report.Violations, text)
}

func (h *Hop) queueID() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.delivering++
	return fmt.Sprintf("4ABC%06X", h.delivering)
}

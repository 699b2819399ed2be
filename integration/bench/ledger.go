package main

import "sync"

// ledger counts the messages of one run. A second copy, a changed byte and a
// message of another run are each counted apart, and none is forgiven.
type ledger struct {
	mu   sync.Mutex
	run  uint32
	held []uint8 // copies by number
	book
}

// book is what the ledger tells.
type book struct {
	Held        int // numbers of the run that arrived at least once
	Duplicates  int // further copies
	Damaged     int // content or mark unreadable or changed
	Strange     int // of another run, or beyond its end
	Connections int
}

// begin starts a new run of so many messages.
func (l *ledger) begin(run uint32, messages int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.run, l.held, l.book = run, make([]uint8, messages), book{}
}

// connected counts a connection.
func (l *ledger) connected() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Connections++
}

// enter takes a message in.
func (l *ledger) enter(content []byte) {
	m, err := inspect(content)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
		l.Damaged++
	case m.run != l.run || int64(m.n) >= int64(len(l.held)):
		l.Strange++
	case l.held[m.n] > 0:
		l.Duplicates++
	default:
		l.held[m.n] = 1
		l.Held++
	}
}

// read is the state of the run.
func (l *ledger) read() book {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.book
}

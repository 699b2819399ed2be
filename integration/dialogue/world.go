package dialogue

import (
	"net"
	"time"
)

// World is where a case is played. One is in memory, with virtual time, another
// is made of real programs.
type World interface {
	// Dial is a new client at the front door.
	Dial() (net.Conn, error)

	// Sleep lets time pass.
	Sleep(time.Duration)

	// Settle waits until what was said has had its effect, as far as can be
	// known. The player looks, and calls again with the next try while what it
	// looks for is not there; Settle is false when waiting is of no more use.
	Settle(try int) (again bool)

	// Hop is what the next hop has seen up to now.
	Hop() HopReport

	// Scans counts what the scanner was asked up to now.
	Scans() int

	// Records are the outcomes up to now, each as keys and values.
	Records() []map[string]string

	// Stop is SIGTERM. Stopped reports whether the program has ended.
	Stop()
	Stopped() bool

	// Restart is SIGTERM, and a new program once the old one has ended.
	Restart()
}

// HopReport is what a next hop has seen.
type HopReport struct {
	Connections int
	Commands    []string // nil if that cannot be known
	Violations  []string
	Delivered   []Delivery // what it kept
}

// Delivery is one message that the next hop kept.
type Delivery struct {
	Sender     string   // as in MAIL FROM: with parameters, where they are known
	Recipients []string // likewise
	Content    []byte   // with CRLF, unstuffed
}

// Package faults is the fault matrix: what can go wrong between the two
// Postfixes, this program, spamd and the disk. It is generated from lists, not
// picked by hand: each side has its stages, and each fault meets each stage of
// each side. A cell that cannot be says why (Absent), so that none is forgotten.
//
// The package says what a cell is, and puts the faults of the next hop and of
// spamd into the words of their fakes. Package milestones plays every cell in
// memory, with virtual time, and writes integration/FAULTS.md; integration plays
// those of Real through real Postfix, and holds what its client hears against
// that table. A further side is one more list here, and one way to play it there.
package faults

// Side is who goes wrong.
type Side string

// The sides. The next hop is three of them, because a connection that was kept
// and one that is opened at MAIL take other ways through the program.
const (
	Postfix Side = "P, the Postfix in front"
	Hop     Side = "A, the next hop"
	Kept    Side = "A, on a connection that was kept"
	AtMail  Side = "A, opened at MAIL"
	Spamd   Side = "spamd"
	Spool   Side = "the spool"
	Store   Side = "the store"
)

// Sides are all of them, in the order of the table.
func Sides() []Side { return []Side{Postfix, Hop, Kept, AtMail, Spamd, Spool, Store} }

// isHop reports a side that is the next hop.
func (s Side) isHop() bool { return s == Hop || s == Kept || s == AtMail }

// Stage is the point at which it happens: the command that is being answered, or
// what is under way.
type Stage string

// The stages.
const (
	Connect  Stage = "connect"
	Greeting Stage = "greeting"
	EHLO     Stage = "EHLO"
	XFORWARD Stage = "XFORWARD"
	MAIL     Stage = "MAIL"
	RCPT     Stage = "RCPT" // the second of two
	DATA     Stage = "DATA"
	Content  Stage = "mid-content"
	Dot      Stage = "final dot"
	Taken    Stage = "message taken" // A has it, and has not said so
	Thinking Stage = "A's answer"    // P's last wait: the final dot is at A
	QUIT     Stage = "QUIT"
	Idle     Stage = "idle" // between two messages

	Request Stage = "request"
	Status  Stage = "status line"
	Fields  Stage = "headers"
	Body    Stage = "body"

	Create     Stage = "create"
	Write      Stage = "write"
	ReadHeader Stage = "read the header"
	ReadScan   Stage = "read for spamd"
	ReadCarry  Stage = "read for A"

	Open     Stage = "open"
	Remember Stage = "write a key"
	Recall   Stage = "read a key"
)

// Stages are those of a side, in the order of a message.
func (s Side) Stages() []Stage {
	switch s {
	case Postfix:
		return []Stage{Connect, Greeting, EHLO, XFORWARD, MAIL, RCPT, DATA, Content, Dot, Thinking, QUIT}
	case Hop:
		return []Stage{Connect, Greeting, EHLO, XFORWARD, MAIL, RCPT, DATA, Content, Dot, Taken, QUIT}
	case Kept:
		return []Stage{Idle, XFORWARD, MAIL, RCPT, DATA, Content, Dot, Taken}
	case AtMail:
		return []Stage{Connect, Greeting, EHLO, XFORWARD, MAIL, RCPT, DATA, Content, Dot, Taken}
	case Spamd:
		return []Stage{Connect, Request, Status, Fields, Body}
	case Spool:
		return []Stage{Create, Write, ReadHeader, ReadScan, ReadCarry}
	case Store:
		return []Stage{Open, Remember, Recall}
	}
	return nil
}

// Fault is what happens.
type Fault string

// The faults.
const (
	Temporary   Fault = "4xx"
	Permanent   Fault = "5xx"
	Closing     Fault = "421"
	Garbage     Fault = "garbage"
	OverLong    Fault = "over-long line"
	Endless     Fault = "endless"
	Drop        Fault = "drop"
	Reset       Fault = "RST"
	Silence     Fault = "silence"
	Stall       Fault = "stops reading"
	Drip        Fault = "slow drip"
	Early       Fault = "early reply"
	Twice       Fault = "two replies"
	WrongLength Fault = "wrong length"
	OutOfTurn   Fault = "bytes out of turn"
	EarlyQuit   Fault = "early QUIT"
	IOError     Fault = "I/O error"
	Full        Fault = "full disk"
	NoFiles     Fault = "no descriptors"
	NoMemory    Fault = "memory budget spent"
)

// Faults are all of them, in the order of the table.
func Faults() []Fault {
	return []Fault{
		Temporary, Permanent, Closing, Garbage, OverLong, Endless, Drop, Reset, Silence, Stall, Drip,
		Early, Twice, WrongLength, OutOfTurn, EarlyQuit, IOError, Full, NoFiles, NoMemory,
	}
}

// Cell is one square of the matrix.
type Cell struct {
	Side  Side
	Stage Stage
	Fault Fault
}

// String names the cell, in tests.
func (c Cell) String() string {
	return string(c.Side) + "/" + string(c.Stage) + "/" + string(c.Fault)
}

// All are all squares, those that cannot be among them.
func All() []Cell {
	var all []Cell
	for _, side := range Sides() {
		for _, stage := range side.Stages() {
			for _, fault := range Faults() {
				all = append(all, Cell{side, stage, fault})
			}
		}
	}
	return all
}

// Cells are those that exist.
func Cells() []Cell {
	var cells []Cell
	for _, c := range All() {
		if c.Absent() == "" {
			cells = append(cells, c)
		}
	}
	return cells
}

package relaytest

import (
	"fmt"
	"time"
)

// Stage is a point of the conversation at which something can go wrong: the
// command that is to be answered, or a place between commands.
type Stage string

// The stages.
const (
	Greeting Stage = "greeting"
	EHLO     Stage = "EHLO"
	XFORWARD Stage = "XFORWARD"
	XCLIENT  Stage = "XCLIENT"
	MAIL     Stage = "MAIL"
	RCPT     Stage = "RCPT"
	DATA     Stage = "DATA"
	Content  Stage = "content" // once Fault.After bytes of content have come
	Dot      Stage = "dot"     // the end of data
	RSET     Stage = "RSET"
	QUIT     Stage = "QUIT"
	Idle     Stage = "idle" // after a transaction, before the next command
)

// Stages are all of them, in the order of a conversation.
func Stages() []Stage {
	return []Stage{Greeting, EHLO, XFORWARD, XCLIENT, MAIL, RCPT, DATA, Content, Dot, RSET, QUIT, Idle}
}

// At is the nth time of a stage, counted from 1: of RCPT within a transaction, of
// others in all conversations together.
func At(s Stage, n int) Stage { return Stage(fmt.Sprintf("%s %d", s, n)) }

// Fault is what happens at a Stage instead of, or besides, the usual reply. The
// zero Fault is none. Fields combine, in this order: Delay, Hang or Stall, the
// reply, Twice, Endless, Drop or Reset.
type Fault struct {
	// Reply replaces the usual text, without the last line end; lines are
	// separated by CRLF. It may be nonsense. Whether the command counts as
	// accepted depends on its first character, as for any client.
	Reply string

	Delay   time.Duration // before anything else
	Drip    time.Duration // between the bytes of the reply
	Twice   bool          // the reply is sent two times, at once
	Endless bool          // continuation lines without end, instead of the reply
	Drop    bool          // close; without Reply nothing is said before
	Reset   bool          // as Drop, but with a reset
	Hang    bool          // say nothing more, but go on reading
	Stall   bool          // say nothing more, and read nothing more

	// Take, with Drop, Reset or Hang at Dot, keeps the message all the same:
	// the next hop has it, and nobody was told.
	Take bool

	// Sip, at Content, is a pause before each further line is read: the sender's
	// window fills, and it cannot tell this from a hop that has stopped.
	Sip time.Duration

	// After is how much content comes before a fault at Content.
	After int64

	// Times limits the fault to its first occurrences in all conversations
	// together; 0 means always.
	Times int
}

func (f Fault) speechless() bool {
	return f.Hang || f.Stall || (f.Reply == "" && (f.Drop || f.Reset))
}

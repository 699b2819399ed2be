package faults

import (
	"strings"
	"time"

	"proxyfilter/relay/relaytest"
)

// tooLong is longer than any line that anybody should keep.
const tooLong = 1 << 20

// Hop is the cell as the faults of a next hop. What happens at Connect is not
// its business but the listener's. On a kept connection it happens once: the next
// connection is as it should be.
func (c Cell) Hop() map[relaytest.Stage]relaytest.Fault {
	f := c.hopFault()
	stage := relaytest.Stage("")
	switch c.Stage {
	case Connect:
		return nil
	case Greeting:
		stage = relaytest.Greeting
	case RCPT:
		stage = relaytest.At(relaytest.RCPT, 2)
	case Content:
		stage, f.After = relaytest.Content, 1000
	case Dot, Taken:
		stage, f.Take = relaytest.Dot, c.Stage == Taken
	case Idle:
		stage, f.Delay = relaytest.Idle, time.Second
	default:
		stage = relaytest.Stage(c.Stage)
	}
	if c.Side == Kept {
		f.Times = 1
	}
	return map[relaytest.Stage]relaytest.Fault{stage: f}
}

func (c Cell) hopFault() relaytest.Fault {
	switch c.Fault {
	case Temporary:
		return relaytest.Fault{Reply: "450 4.2.1 A says not now"}
	case Permanent:
		return relaytest.Fault{Reply: "550 5.7.1 A says never"}
	case Closing:
		return relaytest.Fault{Reply: "421 4.3.2 A is going down", Drop: true}
	case Garbage:
		return relaytest.Fault{Reply: "I am not a mail server"}
	case OverLong:
		return relaytest.Fault{Reply: c.class() + "50 " + strings.Repeat("x", tooLong)}
	case Endless:
		return relaytest.Fault{Endless: true}
	case Drop:
		return relaytest.Fault{Drop: true}
	case Reset:
		return relaytest.Fault{Reset: true}
	case Silence:
		return relaytest.Fault{Hang: true}
	case Stall:
		return relaytest.Fault{Stall: true}
	case Drip:
		return c.drip()
	case Early:
		return relaytest.Fault{Reply: "250 2.0.0 Ok: queued as EARLY"}
	case Twice:
		return relaytest.Fault{Twice: true}
	case WrongLength:
		return relaytest.Fault{Reply: "250-hop.example\r\n250-PIPELINING\r\n250-SIZE 99999999999999999999\r\n250 XFORWARD NAME ADDR"}
	}
	return relaytest.Fault{}
}

// class is the first digit of an over-long reply: a yes, unless that would mean
// that the message was taken.
func (c Cell) class() string {
	if c.Stage == Dot {
		return "4"
	}
	return "2"
}

// drip is a reply of one byte a second; in the middle of content, where nothing
// is said, a hop that reads a line now and then.
func (c Cell) drip() relaytest.Fault {
	if c.Stage == Content {
		return relaytest.Fault{Sip: 10 * time.Millisecond}
	}
	return relaytest.Fault{Drip: time.Second}
}

package faults

// Absent is why the combination does not exist, or empty if it does. It is pure,
// and the only place that leaves anything out.
func (c Cell) Absent() string {
	if why := c.strange(); why != "" {
		return why
	}
	switch {
	case c.Side == Postfix:
		return c.absentPostfix()
	case c.Side.isHop():
		return c.absentHop()
	case c.Side == Spamd:
		return c.absentSpamd()
	case c.Side == Store:
		return c.absentStore()
	}
	return c.absentSpool()
}

// strange is why a side cannot have a fault at any of its stages.
func (c Cell) strange() string {
	file := c.Side == Spool || c.Side == Store
	switch c.Fault {
	case OutOfTurn, EarlyQuit:
		if c.Side != Postfix {
			return "only a client can do that"
		}
	case NoFiles, NoMemory:
		if c.Side != Spool {
			return "only the spool has it"
		}
	case IOError, Full:
		if !file {
			return "only a file has it"
		}
	case Temporary, Permanent, Closing, Early, Twice, Endless:
		if c.Side == Postfix {
			return "a client does not reply"
		}
		if file {
			return "a file does not talk"
		}
	case Stall:
		if c.Side == Postfix {
			return "our replies fit into the socket: nobody notices"
		}
		if file {
			return "a file does not talk"
		}
	case OverLong, Drop, Reset:
		if file {
			return "a file does not talk"
		}
	case Garbage:
		if c.Side == Spool {
			return "a spool file is new, and nobody else writes to it"
		}
	}
	return ""
}

func (c Cell) absentPostfix() string {
	switch {
	case c.Fault == WrongLength && c.Stage != MAIL:
		return "only MAIL tells a length (SIZE)"
	case c.Fault == WrongLength, c.Fault == Drop, c.Fault == Reset:
		return ""
	}
	switch c.Stage {
	case Connect:
		switch c.Fault {
		case Silence, Drip:
			return "P says nothing before the greeting"
		case EarlyQuit, Garbage, OverLong:
			return "before the greeting every byte is out of turn"
		}
	case Greeting:
		if c.Fault != Silence {
			return "P answers the greeting with EHLO: see there"
		}
	case Content:
		if c.Fault == OutOfTurn {
			return "content has no turns"
		}
	case Dot:
		if c.Fault == Garbage || c.Fault == OverLong {
			return "before the dot it is content, behind it out of turn"
		}
	case Thinking:
		if c.Fault != OutOfTurn && c.Fault != EarlyQuit {
			return "P only waits then"
		}
	case QUIT:
		if c.Fault == EarlyQuit {
			return "that is its time"
		}
	}
	return ""
}

func (c Cell) absentHop() string {
	switch {
	case c.Fault == WrongLength && c.Stage != EHLO:
		return "only EHLO tells a length (SIZE)"
	case c.Fault == Early && c.Stage != Content:
		return "elsewhere that is two replies at the stage before"
	case c.Fault == Stall && c.Stage != Content:
		return "elsewhere all of it fits into the socket: see silence"
	}
	switch c.Stage {
	case Connect:
		if c.Fault != Drop && c.Fault != Silence {
			return "nothing can be said before the connection stands"
		}
	case Content:
		if c.Fault == Twice {
			return "one reply is too many there"
		}
	case Dot:
		if c.Fault == Drip || c.Fault == Twice {
			return "a yes means that the message was taken: see there"
		}
	case Taken:
		switch c.Fault {
		case Temporary, Permanent, Closing:
			return "that says that the message was not taken"
		}
	case Idle:
		switch c.Fault {
		case Silence:
			return "that is as it should be"
		case Drip, Twice:
			return "one reply is too many there"
		}
	}
	return ""
}

func (c Cell) absentSpamd() string {
	switch c.Fault {
	case Closing:
		return "spamd has no such code"
	case Temporary, Permanent:
		if c.Stage == Fields || c.Stage == Body {
			return "the status line has said it"
		}
	case Early:
		if c.Stage != Request {
			return "later it is not early"
		}
	case Stall:
		if c.Stage != Request {
			return "spamd has read everything then"
		}
	case Endless:
		if c.Stage == Status {
			return "it is one line: see over-long line"
		}
	case WrongLength:
		if c.Stage == Status {
			return "it tells no length"
		}
	}
	switch c.Stage {
	case Connect:
		if c.Fault != Drop && c.Fault != Reset && c.Fault != Silence {
			return "nothing can be said before the connection stands"
		}
	case Request:
		switch c.Fault {
		case Garbage, OverLong, Endless, Drip, Twice:
			return "what spamd says is at the status line"
		}
	}
	return ""
}

func (c Cell) absentSpool() string {
	switch c.Fault {
	case WrongLength, Drip:
		if c.Stage == Create {
			return "a new file has no bytes"
		}
	case Full:
		if c.Stage != Create && c.Stage != Write {
			return "reading takes no room"
		}
	case NoFiles, NoMemory:
		if c.Stage != Create {
			return "it shows when the file is made"
		}
	}
	return ""
}

func (c Cell) absentStore() string {
	switch {
	case c.Stage == Open && c.Fault == Full, c.Stage == Recall && c.Fault == Full:
		return "reading takes no room"
	case c.Stage == Open && c.Fault == Drip:
		return "it is opened once, and waited for"
	case c.Stage == Remember && (c.Fault == Garbage || c.Fault == WrongLength):
		return "it shows when the key is read"
	}
	return ""
}

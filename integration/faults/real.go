package faults

import "slices"

// Real are the cells that integration plays through real Postfix: some of each
// side, those that a fake of Postfix could be wrong about before others.
func Real() []Cell { return slices.Clone(real[:]) }

var real = [...]Cell{
	{Postfix, Content, EarlyQuit},
	{Postfix, DATA, EarlyQuit},
	{Postfix, Dot, Drop},
	{Postfix, Thinking, Drop},

	{Hop, Connect, Drop},
	{Hop, Greeting, Closing},
	{Hop, Greeting, Silence},
	{Hop, EHLO, Permanent},
	{Hop, EHLO, WrongLength},
	{Hop, XFORWARD, Permanent},
	{Hop, MAIL, Garbage},
	{Hop, RCPT, Temporary},
	{Hop, RCPT, Permanent},
	{Hop, DATA, Closing},
	{Hop, DATA, Twice},
	{Hop, Content, Reset},
	{Hop, Content, Stall},
	{Hop, Content, Early},
	{Hop, Dot, Closing},
	{Hop, Dot, Permanent},
	{Hop, Dot, Drop},
	{Hop, Taken, Reset},
	{Hop, Taken, Twice},
	{Hop, Taken, OverLong},
	{Hop, QUIT, Drop},
	{Kept, Idle, Closing},
	{Kept, MAIL, Reset},
	{AtMail, RCPT, Permanent},
	{AtMail, RCPT, Closing},
	{AtMail, MAIL, Permanent},

	{Spamd, Connect, Drop},
	{Spamd, Request, Silence},
	{Spamd, Request, Drop},
	{Spamd, Status, Drop},
	{Spamd, Status, Permanent},
	{Spamd, Fields, Reset},
	{Spamd, Body, Silence},
	{Spamd, Body, Drop},

	{Spool, Create, Full},
	{Spool, Write, Full},
	{Spool, Create, NoMemory},
}

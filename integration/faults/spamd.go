package faults

import (
	"fmt"
	"strings"
	"time"

	"proxyfilter/filter/spamd/spamdtest"
)

// Spamd is the cell as the answer of a spamd that finds so many points. A refused
// or lost connect is not its business but the listener's.
func (c Cell) Spamd(points float64) spamdtest.Reply {
	r := spamdtest.Reply{Score: points, Rules: []spamdtest.Rule{{Name: "A_RULE", Points: points, Description: "a rule"}}}
	at := c.spamdStage()
	switch c.Fault {
	case Temporary:
		r.Code, r.Text, r.Early = 75, "EX_TEMPFAIL", c.Stage == Request
	case Permanent:
		r.Code, r.Text, r.Early = 64, "EX_USAGE", c.Stage == Request
	case Early:
		r.Early = true
	case Drop:
		r.Drop = at
	case Reset:
		r.Reset = at
	case Silence:
		r.Hang = at
	case Stall:
		r.Hang = spamdtest.AtMessage
	case Drip:
		r.Drip = spamdtest.Drip{In: at, Pause: time.Second}
	default:
		return c.wordsOfSpamd(r)
	}
	return r
}

// spamdStage is where a cut, a reset or a silence happens. A spamd that is silent
// within the request has not begun to read it: all its children are busy.
func (c Cell) spamdStage() spamdtest.Stage {
	switch c.Stage {
	case Connect:
		return spamdtest.AtConnect
	case Request:
		if c.Fault == Silence {
			return spamdtest.AtConnect
		}
		return spamdtest.AtMessage
	case Status:
		return spamdtest.InStatus
	case Fields:
		return spamdtest.InFields
	}
	return spamdtest.InBody
}

// wordsOfSpamd are answers that are complete, and wrong.
func (c Cell) wordsOfSpamd(r spamdtest.Reply) spamdtest.Reply {
	const status = "SPAMD/1.1 0 EX_OK\r\n"
	body := fmt.Sprintf(" pts rule name\n---- ----\n %.1f A_RULE                 a rule\n\n", r.Score)
	verdict := fmt.Sprintf("Spam: False ; %.1f / 5.0\r\n", r.Score)
	length := fmt.Sprintf("Content-length: %d\r\n", len(body))
	long := strings.Repeat("x", tooLong)
	switch c.Stage {
	case Request:
		r.Code, r.Text = 76, "Bad header line: (Content-Length mismatch: Expected 10 bytes, got 20 bytes)"
	case Status:
		r.Raw = map[Fault]string{
			Garbage:  "HTTP/1.1 400 Bad Request\r\n\r\n",
			OverLong: "SPAMD/1.1 0 " + long + "\r\n" + length + verdict + "\r\n" + body,
			Twice:    status + status + length + verdict + "\r\n" + body,
		}[c.Fault]
	case Fields:
		r.Endless = c.Fault == Endless
		r.Raw = map[Fault]string{
			Garbage:     status + length + "Spam: perhaps ; banana / 5.0\r\n\r\n" + body,
			OverLong:    status + "X-Long: " + long + "\r\n" + length + verdict + "\r\n" + body,
			Endless:     status,
			Twice:       status + length + verdict + "Spam: True ; 20.0 / 5.0\r\n" + "\r\n" + body,
			WrongLength: status + "Content-length: 99999999999999999999\r\n" + verdict + "\r\n" + body,
		}[c.Fault]
	case Body:
		r.Endless = c.Fault == Endless
		r.Raw = map[Fault]string{
			Garbage:     status + fmt.Sprintf("Content-length: %d\r\n", 256) + verdict + "\r\n" + strings.Repeat("\x00\xff\r\n\x1b", 51) + "\n",
			OverLong:    status + verdict + "\r\n" + long,
			Endless:     status + verdict + "\r\n",
			Twice:       status + length + verdict + "\r\n" + body + status + length + verdict + "\r\n" + body,
			WrongLength: status + fmt.Sprintf("Content-length: %d\r\n", len(body)+10) + verdict + "\r\n" + body,
		}[c.Fault]
	}
	return r
}

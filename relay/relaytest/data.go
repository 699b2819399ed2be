package relaytest

import (
	"bufio"
	"bytes"
	"errors"
	"time"
)

func (c *conversation) data(argument string) error {
	switch {
	case argument != "":
		c.hop.violation(c.number, "DATA %.80q", argument)
		return c.fail(501, "5.5.4 Syntax: DATA")
	case c.current < 0:
		return c.fail(503, "5.5.1 Error: need RCPT command")
	case c.accepted == 0:
		return c.fail(554, "5.5.1 Error: no valid recipients")
	}
	accepted, err := c.decide("354 End data with <CR><LF>.<CR><LF>", DATA, 0)
	if err != nil || !accepted {
		return err
	}
	if err := c.content(); err != nil {
		return err
	}
	c.lockstep("the end of data")
	return c.dot()
}

// dot answers the end of data.
func (c *conversation) dot() error {
	id := c.hop.queueID()
	index := c.current
	c.over()
	c.wasUsed = true
	c.hop.change(index, func(t *Transaction) { t.Complete = true })
	f, faulty := c.hop.fault(Dot, 0)
	take := !faulty || f.Take || (!f.speechless() && !f.Endless && (f.Reply == "" || f.Reply[0] == '2'))
	if take { // before the reply, so that whoever has heard it finds the message
		c.hop.change(index, func(t *Transaction) { t.Taken, t.QueueID = true, id })
	}
	return c.play(f, "250 2.0.0 Ok: queued as "+id)
}

// content reads up to the one true end. A line ends with CRLF only: what comes
// after a bare LF is not at the beginning of a line.
func (c *conversation) content() error {
	fault, faulty := c.hop.fault(Content, 0)
	begin := true
	var got int64
	var sip time.Duration
	for {
		if faulty && got >= fault.After {
			faulty, sip = false, fault.Sip
			if err := c.interrupt(fault); err != nil {
				return err
			}
		}
		if err := c.pause(sip); err != nil {
			return err
		}
		piece, err := c.piece()
		if err != nil {
			return err
		}
		if begin && string(piece) == ".\r\n" {
			return nil
		}
		c.keep(piece, begin)
		got += int64(len(piece))
		begin = bytes.HasSuffix(piece, []byte("\r\n"))
	}
}

// interrupt does what a fault says in the middle of content, where there is no
// usual reply. One that only reads slowly says nothing.
func (c *conversation) interrupt(f Fault) error {
	if f.Sip > 0 {
		return nil
	}
	return c.play(f, "451 4.3.0 Error: queue file write error")
}

// piece reads up to a LF, or a part of a line that is too long for the buffer. It
// never parts a CR from what follows.
func (c *conversation) piece() ([]byte, error) {
	piece, err := c.r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return piece, err
	}
	if last := len(piece) - 1; piece[last] == '\r' {
		return piece[:last], c.r.UnreadByte()
	}
	return piece, nil
}

// keep stores one piece of content without its stuffing, and notes line ends
// that a filter should have mended.
func (c *conversation) keep(piece []byte, begin bool) {
	line := bytes.TrimSuffix(piece, []byte("\r\n"))
	if bytes.IndexByte(line, '\n') >= 0 {
		c.hop.violation(c.number, "content with a bare LF: %.80q", piece)
	}
	if bytes.IndexByte(line, '\r') >= 0 {
		c.hop.violation(c.number, "content with a bare CR: %.80q", piece)
	}
	if begin && len(piece) > 0 && piece[0] == '.' {
		piece = piece[1:]
	}
	c.hop.change(c.current, func(t *Transaction) { t.Content = append(t.Content, piece...) })
}

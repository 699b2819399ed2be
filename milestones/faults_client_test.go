package milestones

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing/synctest"
	"time"

	"proxyfilter/integration/faults"
	"proxyfilter/relay/relaytest"
)

// How long spamd and A take for a letter when P is the one that goes wrong, so
// that there is a moment within each of the two.
const thought = 2 * time.Second

// postfix is P: it says what smtpd_proxy.c says, in lock-step, and gives up at
// the first reply that it does not expect, except for recipients. At one stage it
// may do what Postfix never does.
type postfix struct {
	conn  *relaytest.Conn
	r     *bufio.Reader
	fault faults.Cell // the zero Cell: none
	heard answers
	ahead bool // the next turn's words have been written already
}

// turn is one command, or the content, and the reply that lets P go on.
type turn struct {
	stage faults.Stage
	words string
	want  string // first digit; empty: no reply is due
	rcpt  string
}

func turns(l letter, to []string) []turn {
	all := []turn{
		{faults.EHLO, "EHLO mx.example.net\r\n", "2", ""},
		{faults.XFORWARD, "XFORWARD NAME=client.example.org ADDR=192.0.2.1 PORT=4711 HELO=client.example.org PROTO=ESMTP SOURCE=REMOTE\r\n", "2", ""},
		{faults.MAIL, "MAIL FROM:<sender@example.org>\r\n", "2", ""},
	}
	for _, rcpt := range to {
		stage := faults.RCPT
		if rcpt == recipients[0] {
			stage = "" // the fault is the second one's
		}
		all = append(all, turn{stage, "RCPT TO:<" + rcpt + ">\r\n", "2", rcpt})
	}
	return append(all,
		turn{faults.DATA, "DATA\r\n", "3", ""},
		turn{faults.Content, l.content, "", ""},
		turn{faults.Dot, ".\r\n", "2", ""},
		turn{faults.QUIT, "QUIT\r\n", "2", ""})
}

// carry has one conversation. It ends with the connection closed.
func (w *world) carry(l letter, to []string, fault faults.Cell) answers {
	conn, err := w.front.Dial(context.Background())
	if err != nil {
		return answers{}
	}
	p := &postfix{conn: conn.(*relaytest.Conn), fault: fault}
	p.r = bufio.NewReader(conn)
	p.heard.refused = make(map[string]string)
	defer conn.Close()
	all := turns(l, to)
	if !p.opening(all[0]) {
		return p.heard
	}
	for i, t := range all {
		if !p.take(t, all[min(i+1, len(all)-1)]) {
			break
		}
	}
	return p.heard
}

// mailRefused reports that A, opened at MAIL, did not take it: that is an outcome
// before there is a recipient.
func (tr *trial) mailRefused(heard answers) bool {
	return tr.cell.Side == faults.AtMail && heard.stage == faults.MAIL
}

// opening is up to the greeting.
func (p *postfix) opening(first turn) bool {
	if p.fault.Stage == faults.Connect && !p.misbehave(turn{stage: faults.Connect}, first) {
		return false
	}
	if !p.listen(turn{faults.Greeting, "", "2", ""}) {
		return false
	}
	return p.fault.Stage != faults.Greeting || p.misbehave(turn{stage: faults.Greeting}, first)
}

// take says one thing and reads the reply to it.
func (p *postfix) take(t, next turn) bool {
	late := p.fault.Stage == faults.Thinking && t.stage == faults.Dot
	switch {
	case t.stage == faults.DATA && len(p.heard.taken) == 0:
		return false // smtpd answers "no valid recipients" by itself
	case late, t.stage != "" && p.fault.Stage == t.stage:
		if !p.misbehave(t, next) {
			return false
		}
	case p.ahead:
		p.ahead = false
	default:
		p.say(t.words)
	}
	return t.want == "" || p.listen(t)
}

// say writes. That our side has hung up shows when the reply is read.
func (p *postfix) say(words string) { io.WriteString(p.conn, words) }

// listen reads one reply and reports whether P goes on.
func (p *postfix) listen(t turn) bool {
	from := time.Now()
	reply := p.reply()
	took := time.Since(from)
	good := class(reply) == t.want
	switch {
	case t.stage == faults.QUIT:
		return false // whatever it is, the message has had its answer
	case t.rcpt != "" && reply != "" && !p.nonsense(t):
		if good {
			p.heard.taken = append(p.heard.taken, t.rcpt)
		} else {
			p.heard.refused[t.rcpt] = reply
		}
		p.heard.after = max(p.heard.after, took)
		return true
	case !good || t.stage == faults.Dot:
		p.heard.reply, p.heard.stage, p.heard.closed = reply, t.stage, reply == ""
		p.heard.after = max(p.heard.after, took)
	}
	if !good {
		p.say("QUIT\r\n")
	}
	return good
}

// nonsense reports that P did not say what the turn was for.
func (p *postfix) nonsense(t turn) bool {
	return p.fault.Stage == t.stage && (p.fault.Fault == faults.Garbage || p.fault.Fault == faults.OverLong)
}

// reply is one whole reply without line ends, or nothing at the end.
func (p *postfix) reply() string {
	p.conn.SetReadDeadline(time.Now().Add(time.Hour))
	var lines []string
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			return strings.Join(lines, " / ")
		}
		lines = append(lines, strings.TrimRight(line, "\r\n"))
		if len(line) < 4 || line[3] != '-' {
			return strings.Join(lines, " / ")
		}
	}
}

// misbehave does what the cell says, and reports whether the conversation goes on.
func (p *postfix) misbehave(t, next turn) bool {
	const evil = "MAIL FROM:<evil@example.org>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\n"
	switch p.fault.Fault {
	case faults.Silence:
		p.say(t.words[:len(t.words)/2])
		from := time.Now()
		if reply := p.reply(); t.stage != faults.QUIT {
			p.heard.reply, p.heard.stage = reply, t.stage
			p.heard.closed, p.heard.after = true, time.Since(from)
		}
		return false
	case faults.Drip:
		for i := range min(len(t.words), 200) {
			time.Sleep(time.Second)
			p.say(t.words[i : i+1])
		}
		p.say(t.words[min(len(t.words), 200):])
	case faults.Garbage:
		if t.stage == faults.Content {
			p.say(t.words)
		}
		p.say("\x16\x03\x01\x00\xff\xfe noise \x00\x80\r\n")
	case faults.OverLong:
		p.say(strings.TrimSuffix(t.words, "\r\n") + strings.Repeat("x", 1<<20) + "\r\n")
	case faults.WrongLength:
		p.say(strings.Replace(t.words, ">", "> SIZE=1", 1))
	case faults.OutOfTurn:
		if t.stage == faults.Dot || t.stage == faults.QUIT {
			next.words = evil
		}
		p.ahead = t.stage != faults.Dot && t.stage != faults.QUIT
		if p.fault.Stage == faults.Thinking {
			p.say(t.words)
			p.moment(t)
			p.say(next.words)
		} else { // in one write: of two, the other side could answer the first one
			p.say(t.words + next.words)
		}
	default:
		return p.leave(t)
	}
	return true
}

// leave ends the conversation in one of the ways that are none.
func (p *postfix) leave(t turn) bool {
	words := t.words
	if t.stage == faults.Content {
		words = words[:len(words)/2]
	}
	quit := p.fault.Fault == faults.EarlyQuit
	if !quit || t.stage == faults.Dot || t.stage == faults.Content {
		p.say(words)
	}
	p.moment(t)
	switch p.fault.Fault {
	case faults.Reset:
		p.conn.Reset()
	default:
		if quit {
			p.say("QUIT\r\n")
		}
		p.conn.Close()
	}
	return false
}

// moment lets the other side come to where the fault is to find it.
func (p *postfix) moment(t turn) {
	synctest.Wait()
	if t.stage == faults.Dot {
		time.Sleep(thought / 2)
	}
	if p.fault.Stage == faults.Thinking {
		time.Sleep(thought)
	}
}

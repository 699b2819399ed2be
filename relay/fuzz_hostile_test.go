package relay

import (
	"bufio"
	"net"
	"regexp"
	"strings"
	"sync"
	"time"

	"proxyfilter/relay/relaytest"
	"proxyfilter/relay/wire"
)

// hostile is a next hop that does what a script says. Any bytes are a script: each
// answer takes its words from it, and what is left unsaid is said properly.
type hostile struct {
	mu     sync.Mutex
	script []byte
	visits []*visited
	serves sync.WaitGroup
}

// visited is one connection, as the next hop sees it.
type visited struct {
	got      string // all that came
	events   []event
	astray   bool   // something else was said than one reply to each command
	mail     string // arguments, of the open transaction
	rcpts    []string
	inviting bool // 354 was said to DATA
	reset    bool // the last answer may be lost
	slow     bool // an answer, or a part of it, took time
}

// event is one command, or one content up to its end, and what it was answered.
type event struct {
	mail    string
	rcpts   []string
	line    string // of a command; empty for content
	content string // unstuffed
	answer  string
	at      time.Time // of the answer
}

// oneReply is what belongs to one command, apart from its length, and that all of
// its lines have the same code.
var oneReply = regexp.MustCompile(`^([2-5][0-9][0-9]-[^\r\n]*\r\n)*[2-5][0-9][0-9]( [^\r\n]*)?\r\n$`)

func isOneReply(said string) bool {
	for line := range strings.Lines(said) {
		if len(line) > wire.MaxReplyLine || len(line) < 3 || line[:3] != said[:3] {
			return false
		}
	}
	return oneReply.MatchString(said) && len(said) < wire.MaxReply
}

func (h *hostile) serve(l *relaytest.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		v := &visited{}
		h.mu.Lock()
		h.visits = append(h.visits, v)
		h.mu.Unlock()
		h.serves.Go(func() {
			h.visit(conn, v)
			conn.Close()
		})
	}
}

func (h *hostile) visit(conn net.Conn, v *visited) {
	r := bufio.NewReader(conn)
	if _, on := h.answer(conn, v, "220 hop.test ESMTP\r\n"); !on {
		return
	}
	for {
		e := event{mail: v.mail, rcpts: v.rcpts}
		if v.inviting {
			whole, ok := v.content(r)
			if !ok {
				return
			}
			e.content = whole
			v.inviting, v.mail, v.rcpts = false, "", nil
			proper := "250 2.0.0 Ok: queued as 4ABC\r\n"
			said, on := h.answer(conn, v, proper)
			e.answer, e.at = said, time.Now()
			if v.events = append(v.events, e); !on {
				return
			}
			continue
		}
		line, err := r.ReadString('\n')
		if v.got += line; err != nil {
			return
		}
		e.line = line
		said, on := h.answer(conn, v, v.proper(line))
		e.answer, e.at = said, time.Now()
		if v.events = append(v.events, e); !on {
			return
		}
		v.heed(line, said)
	}
}

// content reads up to CRLF . CRLF, and unstuffs.
func (v *visited) content(r *bufio.Reader) (string, bool) {
	whole := ""
	for {
		line, err := r.ReadString('\n')
		if v.got += line; err != nil {
			return "", false
		}
		if line == ".\r\n" && (whole == "" || strings.HasSuffix(whole, "\r\n")) {
			return whole, true
		}
		whole += strings.TrimPrefix(line, ".")
	}
}

// proper is the right answer.
func (v *visited) proper(line string) string {
	switch verb, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.ToUpper(verb) {
	case "EHLO":
		return "250-hop.test\r\n250-PIPELINING\r\n250-SIZE 100000\r\n250-XCLIENT NAME ADDR HELO PROTO\r\n250 XFORWARD NAME ADDR PROTO HELO IDENT SOURCE\r\n"
	case "XCLIENT":
		return "220 hop.test ESMTP\r\n"
	case "DATA":
		return "354 go on\r\n"
	case "QUIT":
		return "221 2.0.0 Bye\r\n"
	}
	return "250 2.0.0 Ok\r\n"
}

// heed does what an answer says about a command.
func (v *visited) heed(line, said string) {
	yes := strings.HasPrefix(said, "2")
	switch verb, _, _ := strings.Cut(line, " "); {
	case verb == "MAIL" && yes:
		v.mail, v.rcpts = argument(strings.TrimSuffix(line, "\r\n")), nil
	case verb == "RCPT" && yes:
		v.rcpts = append(v.rcpts, argument(strings.TrimSuffix(line, "\r\n")))
	case line == "DATA\r\n":
		v.inviting = strings.HasPrefix(said, "354") || strings.Contains(said, "\n354")
	}
}

// answer says what the script wants, or what is proper. It is off when that ends
// the connection.
func (h *hostile) answer(conn net.Conn, v *visited, proper string) (said string, on bool) {
	pause, drip, end := time.Duration(0), time.Duration(0), byte(0)
	said = proper
	for range 8 {
		op, arg := h.take()
		if op < 128 {
			break
		}
		switch op % 16 {
		case 0:
			said = ""
		case 1:
			pause += time.Duration(arg) * time.Second
		case 2:
			end = 1 + arg%2
		case 3:
			said += said
		case 4:
			said += h.raw(int(arg % 64))
		case 5:
			said = h.raw(int(arg % 64))
		case 6:
			drip = time.Duration(arg%8) * time.Second / 4
		case 7:
			said = strings.Repeat("250-and so on\r\n", 10*int(arg))
		case 8:
			said = "250 " + strings.Repeat("long", 10*int(arg)) + "\r\n"
		default:
			all := answerWords()
			said = all[int(arg)%len(all)]
		}
	}
	time.Sleep(pause)
	v.astray = v.astray || !isOneReply(said)
	v.slow = v.slow || pause > 0 || drip > 0
	if !say(conn, said, drip) {
		return said, false
	}
	if end == 2 {
		conn.(*relaytest.Conn).Reset()
		v.reset = true
	}
	return said, end == 0
}

// answerWords are answers, right ones and others.
func answerWords() []string {
	return []string{
		"250 2.0.0 Ok\r\n", "354 go on\r\n", "354 go on\r\n250 2.0.0 Ok: queued as 1\r\n", "421 4.3.2 bye\r\n", "451 4.3.0 later\r\n", "550 5.7.1 no\r\n", "521 5.3.2 never\r\n",
		"250-half of it\r\n", "250\r\n", "250 lf\n", "221 2.0.0 Bye\r\n", "220 hello\r\n", "299 odd\r\n", "999 x\r\n", "25", "\r\n",
		"250 2.0.0 Ok: queued as 1\r\n354 go on\r\n", "250-hop.test\r\n250 8BITMIME\r\n", "250-hop.test\r\n250-SIZE 10\r\n250 XFORWARD\r\n",
		"250 \xff\x00\r\n", "250-one\r\n550 two\r\n", "250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n354 go on\r\n250 2.0.0 Ok\r\n",
	}
}

func say(conn net.Conn, text string, drip time.Duration) bool {
	conn.SetWriteDeadline(time.Now().Add(time.Hour))
	for ; drip > 0 && text != ""; text = text[1:] {
		if _, err := conn.Write([]byte(text[:1])); err != nil {
			return false
		}
		time.Sleep(drip)
	}
	_, err := conn.Write([]byte(text))
	return err == nil
}

// take is the next word of the script, and its argument. Words below 128 have
// none; at the end of the script everything is proper.
func (h *hostile) take() (op, arg byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.script) == 0 {
		return 0, 0
	}
	op, h.script = h.script[0], h.script[1:]
	if op >= 128 && len(h.script) > 0 {
		arg, h.script = h.script[0], h.script[1:]
	}
	return op, arg
}

func (h *hostile) raw(n int) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	n = min(n, len(h.script))
	text := string(h.script[:n])
	h.script = h.script[n:]
	return text
}

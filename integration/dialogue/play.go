package dialogue

import (
	"fmt"
	"maps"
	"strings"
	"time"
)

// play is one case being played.
type play struct {
	world   World
	name    string
	clients map[int]*client
	last    *client // who heard last
	match   matcher
	used    map[int]bool // records that a line has taken
	said    []string     // the transcript
	crowd   []int        // clients that have not heard yet
	arrived int          // of all crowds
}

// Play plays one case. The error names the line that did not hold, what was got
// and what was wanted, and has the transcript.
func Play(w World, c Case) error {
	p := &play{world: w, name: c.Script, clients: make(map[int]*client), used: make(map[int]bool)}
	defer func() {
		for _, c := range p.clients {
			c.conn.Close()
		}
	}()
	for _, l := range c.Steps {
		if err := p.step(l); err != nil {
			return fmt.Errorf("%s:%d: %s: %w\n%s", c.Script, l.Number, l, err, p.transcript())
		}
	}
	for _, c := range p.clients {
		c.conn.Close()
	}
	if err := p.eventually(p.nothingLeft); err != nil {
		return fmt.Errorf("%s: at the end: %w\n%s", c.Script, err, p.transcript())
	}
	return nil
}

// maxTranscript bounds what is shown of one line.
const maxTranscript = 300

func (p *play) note(who string, n int, text string) {
	if n > 0 {
		who = fmt.Sprintf("%s%d", who, n)
	}
	if len(text) > maxTranscript {
		text = text[:maxTranscript] + "…"
	}
	p.said = append(p.said, who+": "+text)
}

func (p *play) transcript() string {
	const most = 60
	said := p.said
	if len(said) > most {
		said = append([]string{"…"}, said[len(said)-most:]...)
	}
	return "    " + strings.Join(said, "\n    ")
}

func (p *play) step(l Line) error {
	switch l.Word {
	case "C":
		return p.say(l.Client, l.Text)
	case "S":
		return p.hear(l.Client, l.Text)
	case "greeted", "enveloped", "ready":
		return p.prelude(l)
	case "hangup", "reset", "half-close":
		return p.end(l)
	case "wait":
		d, err := time.ParseDuration(l.Args[0])
		p.world.Sleep(d)
		return err
	case "stop":
		p.world.Stop()
		p.world.Settle(0) // a signal is heard before what the client says next
		return nil
	case "restart":
		p.world.Restart()
		return nil
	case "at", "within":
		return p.time(l)
	case "crowd":
		return p.crowded(l)
	}
	return p.eventually(func() error { return p.assert(l) })
}

// client is the nth one; it dials when it is first named.
func (p *play) client(n int) (*client, error) {
	if c := p.clients[n]; c != nil {
		return c, nil
	}
	conn, err := p.world.Dial()
	if err != nil {
		return nil, err
	}
	p.clients[n] = newClient(conn)
	return p.clients[n], nil
}

func (p *play) say(n int, text string) error {
	c, err := p.client(n)
	if err != nil {
		return err
	}
	b, err := bytesOf(text)
	p.note("C", n, text)
	c.say(b)
	return err
}

func (p *play) hear(n int, want string) error {
	c, err := p.client(n)
	if err != nil {
		return err
	}
	p.last = c
	switch want {
	case "closed":
		return c.closed()
	case "silence":
		p.world.Settle(0)
		return c.silent()
	}
	got, err := c.hear()
	if err != nil {
		if c.writeErr != nil {
			err = fmt.Errorf("%w (and writing: %v)", err, c.writeErr)
		}
		return err
	}
	p.note("S", n, got)
	if !p.match.begins(want, got) {
		return fmt.Errorf("heard %q", got)
	}
	return nil
}

// prelude plays what begins most conversations.
func (p *play) prelude(l Line) error {
	script := []string{"220", "EHLO client.example.org", "250"}
	if l.Word != "greeted" {
		script = append(script, "MAIL FROM:<sender@example.org>", "250", "RCPT TO:<rcpt@example.net>", "250")
	}
	if l.Word == "ready" {
		script = append(script, "DATA", "354")
	}
	for i, text := range script {
		var err error
		if i%2 == 0 {
			err = p.hear(l.Client, text)
		} else {
			err = p.say(l.Client, text)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}

func (p *play) end(l Line) error {
	c, err := p.client(l.Client)
	if err != nil {
		return err
	}
	p.note(l.Word, l.Client, "")
	switch l.Word {
	case "half-close":
		return c.halfClose()
	case "reset":
		c.reset()
	default:
		c.conn.Close()
	}
	return nil
}

// slack is how much later than "at" or "within" says a reply may come: a program
// has to notice first.
const slack = time.Second

func (p *play) time(l Line) error {
	want, err := time.ParseDuration(l.Args[0])
	if err != nil {
		return err
	}
	if p.last == nil {
		return fmt.Errorf("nobody has heard anything yet")
	}
	took := p.last.heard.Sub(p.last.spoke)
	if took > want+slack || (l.Word == "at" && took < want) {
		return fmt.Errorf("the reply came after %v", took)
	}
	return nil
}

// eventually looks again while the world says that it may help.
func (p *play) eventually(look func() error) error {
	for try := 0; ; try++ {
		again := p.world.Settle(try)
		ids := maps.Clone(p.match.ids)
		err := look()
		if err == nil || !again {
			return err
		}
		p.match.ids = ids
	}
}

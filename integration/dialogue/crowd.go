package dialogue

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxCrowd bounds one crowd.
const maxCrowd = 10000

// crowdContent is what each of a crowd sends.
const crowdContent = "Subject: one of many\r\n\r\n.\r\n"

// parseCrowd reads "crowd 8" and "crowd hears TEXT".
func parseCrowd(l Line) error {
	if len(l.Args) == 2 && l.Args[0] == "hears" {
		return nil
	}
	if len(l.Args) == 1 {
		if n, err := strconv.Atoi(l.Args[0]); err == nil && n > 0 && n <= maxCrowd {
			return nil
		}
	}
	return fmt.Errorf("want: crowd N, of at most %d, or crowd hears TEXT", maxCrowd)
}

// crowded lets many clients send a message each, or hear their replies. They
// are told apart from others by numbers that a script cannot name.
func (p *play) crowded(l Line) error {
	if l.Args[0] == "hears" {
		return p.crowdHears(l.Args[1])
	}
	n, err := strconv.Atoi(l.Args[0])
	if err != nil {
		return err
	}
	for range n {
		p.arrived++
		number := maxCrowd + p.arrived
		if err := p.quietly(func() error { return p.prelude(Line{Word: "ready", Client: number}) }); err != nil {
			return err
		}
		p.clients[number].say([]byte(crowdContent))
		p.crowd = append(p.crowd, number)
	}
	p.world.Settle(0) // who says something next comes after all of them
	p.note("crowd", n, "ready, and has sent its messages")
	return nil
}

func (p *play) crowdHears(want string) error {
	if len(p.crowd) == 0 {
		return errors.New("there is no crowd")
	}
	for _, number := range p.crowd {
		if err := p.quietly(func() error { return p.hear(number, want) }); err != nil {
			return err
		}
	}
	p.note("crowd", len(p.crowd), "heard "+want)
	p.crowd = nil
	return nil
}

// quietly leaves what went well out of the transcript.
func (p *play) quietly(do func() error) error {
	length := len(p.said)
	err := do()
	if err == nil {
		p.said = p.said[:length]
	}
	return err
}

// times takes "8 times" off the words of a record.
func times(args []string) (n int, rest []string) {
	if len(args) < 2 || args[1] != "times" {
		return 1, args
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 0 || n > maxCrowd || strings.HasPrefix(args[0], "+") {
		return 1, args
	}
	return n, args[2:]
}

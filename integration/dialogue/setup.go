package dialogue

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Setup is what the world is like before a case begins.
type Setup struct {
	Config   []Setting
	Spamd    []Habit
	Clamd    string   // what it does: one of clamdHabits; empty: there is none
	Faults   []Fault  // of the next hop
	Announce []string // what the next hop announces; nil: as usual
	HopAway  bool     // nobody listens there
	Store    string   // "works", "fails" or "hangs"; empty: there is none
}

// Setting is one key of the configuration.
type Setting struct {
	Line       int
	Key, Value string
}

// Habit is what spamd does otherwise than usual, in the words of the script:
// "scores", "limit", "waits", "hangs", "away", "drops", "fails", "garbage",
// "none".
type Habit struct {
	Line  int
	Do    string
	Value string // of scores, limit, waits and fails
	Once  bool
}

// Fault is what the next hop does otherwise than usual, at one stage.
type Fault struct {
	Line  int
	Stage string // "greeting", "EHLO", …, "content", "dot", "QUIT", "idle"
	Nth   int    // of RCPT, from 1; 0 is every one

	Reply                    string
	Wait, Drip               time.Duration
	After                    int64 // bytes of content before it happens
	Times                    int   // 0: always
	Drop, Reset, Hang, Stall bool
	Twice, Endless, Keep     bool
}

// setup reads the lines that say what the world is like; others are steps.
func (s *Setup) add(l Line) (isSetup bool, err error) {
	switch {
	case l.Word == "config":
		if !strings.Contains(l.Args[0], ".") {
			return true, fmt.Errorf("config %q: want section.key", l.Args[0])
		}
		s.Config = append(s.Config, Setting{l.Number, l.Args[0], l.Args[1]})
	case l.Word == "store":
		s.Store = l.Args[0]
		if !contains([]string{"works", "fails", "hangs"}, s.Store) {
			return true, fmt.Errorf("store %q: want works, fails or hangs", s.Store)
		}
	case l.Word == "clamd":
		s.Clamd = l.Args[0]
		if !contains(clamdHabits(), s.Clamd) {
			return true, fmt.Errorf("clamd %q: want one of %s", s.Clamd, strings.Join(clamdHabits(), ", "))
		}
	case l.Word == "spamd" && l.Args[0] != "scans":
		h, err := habit(l)
		s.Spamd = append(s.Spamd, h)
		return true, err
	case l.Word == "hop" && l.Args[0] == "away":
		s.HopAway = true
		return true, count(l, 1, 1)
	case l.Word == "hop" && l.Args[0] == "announces":
		s.Announce = append([]string{}, l.Args[1:]...)
	case l.Word == "hop" && l.Args[0] == "at":
		f, err := fault(l)
		s.Faults = append(s.Faults, f)
		return true, err
	default:
		return false, nil
	}
	return true, nil
}

func clamdHabits() []string {
	return []string{"works", "away", "hangs", "drops", "garbage", "fails"}
}

func habit(l Line) (Habit, error) {
	h := Habit{Line: l.Number, Do: l.Args[0]}
	rest := l.Args[1:]
	switch h.Do {
	case "scores", "limit", "waits", "fails":
		if len(rest) == 0 {
			return h, fmt.Errorf("spamd %s: how much?", h.Do)
		}
		h.Value, rest = rest[0], rest[1:]
	case "hangs", "away", "drops", "garbage", "none":
	default:
		return h, fmt.Errorf("spamd %q: unknown word", h.Do)
	}
	if len(rest) == 1 && rest[0] == "once" {
		h.Once, rest = true, nil
	}
	if len(rest) > 0 {
		return h, fmt.Errorf("spamd %s: unknown word %q", h.Do, rest[0])
	}
	if h.Do == "waits" {
		return h, duration(h.Value)
	}
	if h.Value != "" {
		if _, err := strconv.ParseFloat(h.Value, 64); err != nil {
			return h, fmt.Errorf("spamd %s %q: want a number", h.Do, h.Value)
		}
	}
	return h, nil
}

func stages() []string {
	return []string{
		"greeting", "EHLO", "XFORWARD", "XCLIENT", "MAIL", "RCPT",
		"DATA", "content", "dot", "RSET", "QUIT", "idle",
	}
}

// fault reads: at STAGE [N] words…
func fault(l Line) (Fault, error) {
	f := Fault{Line: l.Number}
	if len(l.Args) < 3 {
		return f, errors.New("want: hop at STAGE what")
	}
	rest := append(strings.Fields(l.Args[1]), l.Args[2:]...) // {STAGE} may have been "RCPT 2"
	if len(rest) > 0 {
		f.Stage, rest = rest[0], rest[1:]
	}
	if !contains(stages(), f.Stage) {
		return f, fmt.Errorf("hop at %q: want one of %s", f.Stage, strings.Join(stages(), ", "))
	}
	if n, err := strconv.Atoi(rest[0]); err == nil && n > 0 {
		f.Nth, rest = n, rest[1:]
	}
	if len(rest) == 0 {
		return f, errors.New("want: hop at STAGE what")
	}
	for len(rest) > 0 {
		used, err := f.word(rest)
		if err != nil {
			return f, err
		}
		rest = rest[used:]
	}
	return f, nil
}

// word reads one word of a fault, and its value.
func (f *Fault) word(rest []string) (used int, err error) {
	switch rest[0] {
	case "drops":
		f.Drop = true
	case "resets":
		f.Reset = true
	case "hangs":
		f.Hang = true
	case "stalls":
		f.Stall = true
	case "twice":
		f.Twice = true
	case "endless":
		f.Endless = true
	case "keeps":
		f.Keep = true
	case "once":
		f.Times = 1
	default:
		return 2, f.valued(rest)
	}
	return 1, nil
}

func (f *Fault) valued(rest []string) (err error) {
	if len(rest) < 2 {
		return fmt.Errorf("hop at %s: unknown word, or no value after it: %q", f.Stage, rest[0])
	}
	switch value := rest[1]; rest[0] {
	case "replies":
		f.Reply = value
	case "waits":
		f.Wait, err = time.ParseDuration(value)
	case "drips":
		f.Drip, err = time.ParseDuration(value)
	case "after":
		f.After, err = strconv.ParseInt(value, 10, 64)
	default:
		return fmt.Errorf("hop at %s: unknown word %q", f.Stage, rest[0])
	}
	return err
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

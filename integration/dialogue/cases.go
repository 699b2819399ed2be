package dialogue

import (
	"fmt"
	"strings"
)

// Case is one thing to play: a script, or one variant of it.
type Case struct {
	Script string // its name
	Name   string // of the variant; empty when there is only one
	Setup  Setup
	Steps  []Line
}

// maxCases bounds what "each" multiplies to.
const maxCases = 1000

// Cases are all variants of the script. It has one at least.
func (s Script) Cases() ([]Case, error) {
	var common []Line
	var own [][]Line
	names := []string{""}
	for _, l := range s.Lines {
		switch {
		case l.Word == "case":
			if own == nil {
				names = nil
			}
			names, own = append(names, l.Text), append(own, nil)
		case len(own) > 0:
			own[len(own)-1] = append(own[len(own)-1], l)
		default:
			common = append(common, l)
		}
	}
	if own == nil {
		own = [][]Line{nil}
	}
	var all []Case
	for i, lines := range own {
		variants, err := s.variants(names[i], append(append([]Line{}, common...), lines...))
		if err != nil {
			return nil, err
		}
		if all = append(all, variants...); len(all) > maxCases {
			return nil, fmt.Errorf("%s: more than %d cases", s.Name, maxCases)
		}
	}
	return all, nil
}

// variants multiplies lines by their "each", one at a time.
func (s Script) variants(name string, lines []Line) ([]Case, error) {
	for i, l := range lines {
		if l.Word != "each" {
			continue
		}
		rest := append(append([]Line{}, lines[:i]...), lines[i+1:]...)
		var all []Case
		for _, value := range l.Args[1:] {
			full := strings.TrimSpace(name + " " + escape(value))
			v, err := s.variants(full, replace(rest, "{"+l.Args[0]+"}", value))
			if err != nil {
				return nil, err
			}
			if all = append(all, v...); len(all) > maxCases {
				return nil, fmt.Errorf("%s: more than %d cases", s.Name, maxCases)
			}
		}
		return all, nil
	}
	c, err := s.oneCase(name, lines)
	return []Case{c}, err
}

func (s Script) oneCase(name string, lines []Line) (Case, error) {
	c := Case{Script: s.Name, Name: name}
	for _, l := range lines {
		err := check(l)
		isSetup := false
		if err == nil {
			isSetup, err = c.Setup.add(l)
		}
		if err != nil {
			return c, fmt.Errorf("%s:%d: %w", s.Name, l.Number, err)
		}
		if !isSetup && !isRemark(l.Word) {
			c.Steps = append(c.Steps, l)
		}
	}
	return c, nil
}

func isRemark(word string) bool {
	switch word {
	case "", "#", "hermetic", "real", "planned", "each":
		return true
	}
	return false
}

// replaceWord reads the line anew. If that is an error, check finds it.
func replaceWord(l Line, word string) Line {
	parsed, err := parseWords(append([]string{word}, l.Args...))
	if err != nil {
		parsed = Line{Word: word}
	}
	parsed.Number = l.Number
	return parsed
}

// check looks again at what {NAME} may have changed, and at what hop and spamd
// are expected to have seen.
func check(l Line) error {
	if placeholder(l.Word) {
		return fmt.Errorf("nothing replaces %s", l.Word)
	}
	switch l.Word {
	case "", "#", "S", "case":
		return nil
	case "C":
		_, err := bytesOf(l.Text)
		return err
	case "wait", "at", "within":
		if placeholder(l.Args[0]) {
			return fmt.Errorf("nothing replaces %s", l.Args[0])
		}
		return duration(l.Args[0])
	case "hop":
		return checkHop(l)
	case "spamd":
		if l.Args[0] == "scans" {
			return count(l, 2, 2)
		}
	}
	_, err := parseWords(append([]string{l.Word}, l.Args...))
	return err
}

func checkHop(l Line) error {
	switch l.Args[0] {
	case "at", "away", "announces":
		return nil
	case "saw", "connections":
		return count(l, 2, 2)
	case "never":
		if len(l.Args) == 3 && l.Args[1] == "saw" {
			return nil
		}
		return fmt.Errorf("want: hop never saw TEXT")
	}
	return fmt.Errorf("hop %q: unknown word", l.Args[0])
}

// replace puts a value in place of {NAME}: escaped within raw text, as it is
// elsewhere.
func replace(lines []Line, name, value string) []Line {
	out := make([]Line, len(lines))
	for i, l := range lines {
		text := value
		if strings.HasPrefix(l.Text, "raw ") || strings.HasPrefix(l.Text, "<") {
			text = escape(value)
		}
		l.Text = strings.ReplaceAll(l.Text, name, text)
		args := make([]string, 0, len(l.Args))
		for _, a := range l.Args {
			args = append(args, strings.ReplaceAll(a, name, value))
		}
		l.Args = args
		if l.Word == name {
			l = replaceWord(l, value)
		}
		out[i] = l
	}
	return out
}

package dialogue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Load reads every NN-name.txt of a directory, in the order of their names. It
// is an error to find none.
func Load(dir string) ([]Script, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: no dialogue found", dir)
	}
	var all []Script
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		s, err := Parse(strings.TrimSuffix(filepath.Base(f), ".txt"), string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// Parse reads one dialogue. Its errors begin with name:line.
func Parse(name, text string) (Script, error) {
	s := Script{Name: name}
	for i, raw := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		l, err := parseLine(raw)
		if err != nil {
			return Script{}, fmt.Errorf("%s:%d: %w", name, i+1, err)
		}
		l.Number = i + 1
		s.Lines = append(s.Lines, l)
	}
	if s.Promise() == "" || s.Lines[0].Word != "#" {
		return Script{}, fmt.Errorf("%s:1: the first line must be a comment that says the promise", name)
	}
	if !s.Has("hermetic") && !s.Has("real") && !s.Has("planned") {
		return Script{}, fmt.Errorf("%s: says neither hermetic, nor real, nor planned", name)
	}
	if _, err := s.Cases(); err != nil {
		return Script{}, err
	}
	return s, nil
}

func parseLine(raw string) (Line, error) {
	if !utf8.ValidString(raw) {
		return Line{}, errors.New("not UTF-8: write other bytes as escapes in C: raw")
	}
	for _, c := range raw {
		if c < ' ' || c == 0x7f {
			return Line{}, fmt.Errorf("control character %q: write it as an escape in C: raw", c)
		}
	}
	line := strings.TrimRight(raw, " ")
	switch {
	case line == "":
		return Line{}, nil
	case line[0] == '#':
		return Line{Word: "#", Text: strings.TrimPrefix(line[1:], " ")}, nil
	case line[0] == 'C' || line[0] == 'S':
		return parseSpeech(raw)
	}
	if name, ok := strings.CutPrefix(line, "case "); ok {
		if strings.TrimSpace(name) == "" {
			return Line{}, errors.New("a case needs a name")
		}
		return Line{Word: "case", Text: strings.TrimSpace(name)}, nil
	}
	all, err := words(line)
	if err != nil {
		return Line{}, err
	}
	return parseWords(all)
}

// parseSpeech reads C: and S:. Trailing blanks of C: are the client's.
func parseSpeech(raw string) (Line, error) {
	who, text, ok := strings.Cut(raw, ":")
	if !ok {
		return Line{}, fmt.Errorf("%q: want C: or S:, with a number before the colon for further clients", raw)
	}
	l := Line{Word: who[:1], Text: strings.TrimPrefix(text, " ")}
	if who[1:] != "" {
		n, err := clientNumber(who[1:])
		if err != nil {
			return Line{}, err
		}
		l.Client = n
	}
	if l.Word == "C" {
		_, err := bytesOf(l.Text)
		return l, err
	}
	l.Text = strings.TrimSpace(l.Text)
	if l.Text == "" {
		return Line{}, errors.New("no text to expect")
	}
	return l, nil
}

func clientNumber(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 9999 || strconv.Itoa(n) != s {
		return 0, fmt.Errorf("client %q: want a number from 1", s)
	}
	return n, nil
}

// parseWords checks everything but what a setup line says: that is read when
// {NAME} has been replaced.
func parseWords(all []string) (Line, error) {
	l := Line{Word: all[0], Args: all[1:]}
	switch l.Word {
	case "ready", "enveloped", "greeted", "hangup", "half-close", "reset":
		if len(l.Args) == 1 {
			n, err := clientNumber(l.Args[0])
			l.Client, l.Args = n, nil
			return l, err
		}
		return l, count(l, 0, 0)
	case "hermetic", "real", "planned", "stop", "stopped", "restart":
		return l, count(l, 0, 0)
	case "wait", "at", "within":
		if err := count(l, 1, 1); err != nil {
			return l, err
		}
		return l, duration(l.Args[0])
	case "config":
		return l, count(l, 2, 2)
	case "store", "clamd":
		return l, count(l, 1, 1)
	case "spamd":
		return l, count(l, 1, 3)
	case "hop":
		return l, count(l, 1, 20)
	case "each":
		return l, parseEach(l)
	case "delivered":
		return l, parseDelivered(l)
	case "record":
		return l, parseRecord(l)
	case "crowd":
		return l, parseCrowd(l)
	}
	if placeholder(l.Word) {
		return l, nil
	}
	return l, fmt.Errorf("unknown word %q", l.Word)
}

func count(l Line, least, most int) error {
	if len(l.Args) < least || len(l.Args) > most {
		return fmt.Errorf("%s with %d words after it; want %d to %d", l.Word, len(l.Args), least, most)
	}
	return nil
}

func duration(s string) error {
	if placeholder(s) {
		return nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a duration such as 20s", s)
	}
	return nil
}

func placeholder(s string) bool {
	return strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}")
}

func parseEach(l Line) error {
	if err := count(l, 2, 100); err != nil {
		return err
	}
	if strings.Trim(l.Args[0], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || l.Args[0] == "" {
		return fmt.Errorf("each %q: want a name in capital letters", l.Args[0])
	}
	return nil
}

func parseRecord(l Line) error {
	if err := count(l, 1, 40); err != nil {
		return err
	}
	_, rest := times(l.Args)
	for _, a := range rest {
		if key, _, ok := strings.Cut(a, "="); !ok || key == "" {
			return fmt.Errorf("record %q: want key=value", a)
		}
	}
	return nil
}

func parseDelivered(l Line) error {
	if err := count(l, 1, 100); err != nil {
		return err
	}
	switch what := l.Args[0]; what {
	case "nothing", "once", "untouched":
		return count(l, 1, 1)
	case "content", "field", "sender":
		return count(l, 2, 2)
	case "recipients":
		return count(l, 2, 100)
	case "no":
		if len(l.Args) != 3 || l.Args[1] != "field" {
			return errors.New("want: delivered no field NAME")
		}
		return nil
	default:
		if n, err := strconv.Atoi(what); err != nil || n < 0 {
			return fmt.Errorf("delivered %q: unknown word", what)
		}
		return count(l, 1, 1)
	}
}

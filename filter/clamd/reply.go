package clamd

import (
	"errors"
	"strings"

	"proxyfilter/filter"
)

var (
	// errGarbled is an answer that is none.
	errGarbled = errors.New("the answer cannot be read")

	// errTooLarge is an answer: more than StreamMaxLength.
	errTooLarge = errors.New("takes no more than its StreamMaxLength")
)

// Error is an answer of clamd that it cannot do what was asked.
type Error struct{ Text string }

// Error is clamd's text.
func (e *Error) Error() string { return "answered " + e.Text }

// maxName bounds the name of a virus: it is told to the sender, and stands in a field.
const maxName = 100

// parse reads an answer, without its NUL. The zero Rule is no virus.
func parse(line string) (filter.Rule, error) {
	said, stream := strings.CutPrefix(line, "stream: ")
	name, found := strings.CutSuffix(said, " FOUND")
	switch {
	case stream && said == "OK":
		return filter.Rule{}, nil
	case stream && found && name != "":
		return filter.Rule{Name: plain(name)}, nil
	case strings.HasPrefix(line, "INSTREAM size limit exceeded"):
		return filter.Rule{}, errTooLarge
	case strings.HasSuffix(line, "ERROR"):
		return filter.Rule{}, &Error{Text: words(line, maxError)}
	}
	return filter.Rule{}, errGarbled
}

// plain keeps what names of viruses are made of. They go into a reply, where braces
// would be placeholders, and into a list with commas.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("._-/:+!@", r):
			return r
		}
		return '?'
	}, name[:min(len(name), maxName)])
}

const maxError = 200

// words keeps what prints.
func words(text string, most int) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text[:min(len(text), most)])
}

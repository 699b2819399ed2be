package milestones

import (
	"strings"
	"testing"
)

// TestShapeFindsWhatItLooksFor holds the measure itself against bad files.
func TestShapeFindsWhatItLooksFor(t *testing.T) {
	for name, tc := range map[string]struct{ path, text, want string }{
		"an unknown package":        {"filter/magic/x.go", "package magic\n", "filter/magic is not in the plan"},
		"an arrow against the plan": {"filter/x.go", "package filter\nimport \"proxyfilter/relay\"\n", "must not import proxyfilter/relay: that arrow"},
		"a sibling":                 {"filter/spamd/x.go", "package spamd\nimport \"proxyfilter/filter/dkim\"\n", "that arrow is not in the plan"},
		"a module in a pure place":  {"relay/wire/x.go", "package wire\nimport \"github.com/rs/zerolog\"\n", "that module has no place here"},
		"a module in another file":  {"relay/x.go", "package relay\nimport \"github.com/emersion/go-message/mail\"\n", "only relay/header*.go may"},
		"a socket in the filter":    {"filter/x.go", "package filter\nimport \"net\"\n", "deciding is pure"},
		"test code in the program":  {"relay/x.go", "package relay\nimport \"proxyfilter/relay/relaytest\"\n", "the program carries no test code"},
		"testing in the program":    {"relay/x.go", "package relay\nimport \"testing\"\n", "the program carries no test code"},
		"a long file":               {"relay/x.go", "package relay\n" + strings.Repeat("\n", 300), "301 lines, more than 300"},
		"a long function":           {"relay/x.go", "package relay\nfunc f() {\n" + strings.Repeat("\n", 39) + "}\n", "function f has 41 lines"},
		"a variable":                {"relay/x.go", "package relay\nvar cache = map[string]int{}\n", "variable cache of a package"},
		"a variable without value":  {"relay/x.go", "package relay\nvar count int\n", "variable count of a package"},
		"a slice":                   {"relay/x.go", "package relay\nvar list = []string{\"a\"}\n", "variable list of a package"},
		"init":                      {"relay/x.go", "package relay\nfunc init() {}\n", "func init"},
		"a name that says nothing":  {"relay/hop_utils.go", "package relay\n", `"utils" is no name`},
		"a function without words":  {"relay/x.go", "package relay\nfunc Do() {}\n", "Do: want a comment"},
		"a method without words":    {"relay/x.go", "package relay\n// T is.\ntype T int\nfunc (t *T) Do() {}\n", "Do: want a comment"},
		"a type without words":      {"relay/x.go", "package relay\ntype T int\n", "type T: want a comment"},
		"a constant without words":  {"relay/x.go", "package relay\nconst C = 1\n", "C: want a comment"},
		"a code in the filter":      {"filter/x.go", "package filter\nconst c = 550\n", "550 looks like a reply"},
		"a reply in the filter":     {"filter/x.go", "package filter\nconst c = \"451 4.7.1 no\"\n", "looks like a reply"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := parse(tc.path, tc.text, tc.path)
			if err != nil {
				t.Fatal(err)
			}
			all := strings.Join(append(imports(s), style(s)...), "\n")
			if !strings.Contains(all, tc.want) {
				t.Errorf("got  %q\nwant %q", all, tc.want)
			}
		})
	}
}

func TestShapeAllowsWhatIsAllowed(t *testing.T) {
	const text = `// Package filter is.
package filter

import (
	"errors"
	"net/netip"
	"time"
)

// The errors.
var (
	ErrOne = errors.New("one")
	crlf   = []byte("\r\n")
)

var words = [...]string{"a", "b"}

var _ netip.Addr

// Wait is a constant.
const Wait = 250 * time.Millisecond

// A Thing is documented.
type Thing struct{}

// Do is too.
func (t Thing) Do() {}

type hidden struct{}

func (hidden) Exported() {}
`
	s, err := parse("filter/x.go", text, "filter/x.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range append(imports(s), style(s)...) {
		t.Error(c)
	}
}

package status

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"time"
)

//go:embed now.html story.html frame.html style.css
var files embed.FS

// Policy is the Content-Security-Policy of every page. Nothing may be loaded but our
// own style, and forms lead nowhere else.
const Policy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Now is what the front page shows.
type Now struct {
	Host, Version, Fingerprint string
	Mode                       string
	At, Started                time.Time
	NotReady                   string // why; empty: it is ready
	Conversations, Waiting     int
	RAM, Disk                  string
	LastMessage                time.Time // zero: none yet
	Rates                      []Rates
	Outcomes                   []Outcome
	Servers                    []Server
	TagAt, RejectAt            string
	Scores                     []Bar

	// Details is whether the reader may see addresses, and Login where he can say
	// that he may; empty: nowhere here. Elsewhere says where else.
	Details   bool
	Login     string
	Elsewhere string
	Failures  []Row
	Passed    []Row
}

// Up is for how long it has been running.
func (n Now) Up() time.Duration { return n.At.Sub(n.Started).Round(time.Second) }

// Silence is how long ago the last message was.
func (n Now) Silence() time.Duration { return n.At.Sub(n.LastMessage).Round(time.Second) }

// Outcome is how often an action was taken for a reason.
type Outcome struct {
	Action, Reason string
	Count          uint64
}

// Server is a scanner's health.
type Server struct {
	Source, Address, State string
	Well                   bool
	Free, Busy, Abandoned  int
}

// Bar is one row of the histogram of scores.
type Bar struct {
	Range   string
	Count   uint64
	Percent int // of the longest bar
	Refused bool
}

// Story is what is known about one thing that was asked for.
type Story struct {
	What    string
	Found   []string // the story of each outcome, as explain tells it
	Missing string   // why there is none
	Warning string
}

// Pages are the templates. They are parsed once.
type Pages struct{ now, story *template.Template }

// New parses the pages.
func New() (*Pages, error) {
	functions := template.FuncMap{
		"clock": func(t time.Time) string { return t.Local().Format("Jan 2 15:04:05") },
		"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	}
	parse := func(name string) (*template.Template, error) {
		t, err := template.New("frame.html").Funcs(functions).ParseFS(files, "frame.html", name)
		if err != nil {
			return nil, fmt.Errorf("status page: %w", err)
		}
		return t, nil
	}
	now, err := parse("now.html")
	if err != nil {
		return nil, err
	}
	story, err := parse("story.html")
	return &Pages{now, story}, err
}

// Now writes the front page.
func (p *Pages) Now(w io.Writer, n Now) error { return p.now.Execute(w, n) }

// Story writes the page of one message.
func (p *Pages) Story(w io.Writer, s Story) error { return p.story.Execute(w, s) }

// Style is the style sheet of all pages.
func Style() []byte {
	css, _ := files.ReadFile("style.css") // it is in the program
	return css
}

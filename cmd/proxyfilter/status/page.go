package status

import (
	_ "embed"
	"io"
	"time"

	"proxyfilter/cmd/proxyfilter/markup"
)

// Policy is the Content-Security-Policy of every page. Nothing may be loaded but our
// own style, and forms lead nowhere else.
const Policy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Now is what the front page shows.
type Now struct {
	Host, Version, Fingerprint string
	Mode                       string
	At, Started                time.Time
	NotReady                   string   // why; empty: it is ready
	Emergencies                []string // sentences: why nothing is refused
	Conversations, Waiting     int
	RAM, Disk                  string
	LastMessage                time.Time // zero: none yet
	Rates                      []Rates
	Outcomes                   []Outcome
	Servers                    []Server
	Health                     []Sign
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

// Sign is something that makes scores wrong, at present.
type Sign struct {
	Colour, Text string
	Red          bool
	Since        time.Time
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

// WriteNow writes the front page.
func WriteNow(w io.Writer, n Now) error {
	p := begin("proxyfilter on " + n.Host)
	n.state(p)
	n.facts(p)
	n.details(p)
	n.rates(p)
	n.scanners(p)
	n.health(p)
	n.scores(p)
	n.outcomes(p)
	return end(p, w)
}

// WriteStory writes the page of one message.
func WriteStory(w io.Writer, s Story) error {
	p := begin(s.What + " – proxyfilter")
	p.Put("<h1><bdi>{}</bdi></h1>\n", s.What)
	if s.Warning != "" {
		p.Put(`<p class="state bad" role="status">{}</p>`+"\n", s.Warning)
	}
	if s.Missing != "" {
		p.Put(`<p role="status">{}</p>`+"\n", s.Missing)
	}
	for i, text := range s.Found {
		p.Put(`<section aria-label="Story {}"><pre class="story">{}</pre></section>`+"\n", i, text)
	}
	search(p)
	p.Put(`<p><a href="/details">Back</a></p>` + "\n")
	return end(p, w)
}

// begin is the frame of all pages, up to their content.
func begin(title string) *markup.Page {
	p := &markup.Page{}
	p.Put(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header><p><a href="/">proxyfilter</a></p></header>
<main id="main" tabindex="-1">
`, title)
	return p
}

func end(p *markup.Page, w io.Writer) error {
	p.Put("</main>\n</body>\n</html>\n")
	return p.Flush(w)
}

func clock(t time.Time) string { return t.Local().Format("Jan 2 15:04:05") }

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

//go:embed style.css
var style []byte

// Style is the style sheet of all pages.
func Style() []byte { return style }

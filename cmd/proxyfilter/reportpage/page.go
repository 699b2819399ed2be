// Package reportpage writes a report as one HTML page, which can be sent to somebody
// and kept: its plots are inline SVG, its style is in it, it asks no network and runs
// no script. Its Content-Security-Policy says so too, for whoever puts it on a server.
//
// Names of rules, addresses and references come from strangers. html/template escapes
// them for the place where they stand; nothing here marks a text as safe. What cannot be
// printed, such as a character that turns the direction of writing, becomes "?".
package reportpage

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/review"
)

//go:embed page.html
var page string

// view is what the page shows beyond the Summary.
type view struct {
	review.Summary
	Scores   plot
	Timeline plot
	Step     string
	Limits   review.Limits // of most mail
	Tables   []table
}

// table is one list of what stands out.
type table struct {
	Title, What string
	Refusals    bool // nothing else is counted
	All         []review.Ranked
}

// Write writes the page.
func Write(w io.Writer, s review.Summary) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"visible": visible, "word": word, "known": known,
		"minute":  func(t time.Time) string { return t.Local().Format("2 Jan 2006 15:04") },
		"second":  func(t time.Time) string { return t.Local().Format(time.DateTime) },
		"seconds": func(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) },
		"points":  func(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) },
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("the page: %w", err)
	}
	v := view{
		Summary: s, Scores: scores(s), Timeline: timeline(s),
		Step: strings.TrimSuffix(strings.TrimSuffix(time.Duration(s.Step*float64(time.Second)).String(), "0s"), "0m"),
		Tables: []table{
			{"Rules, by messages that hit them", "Rule", false, s.Rules},
			{"Clients, by refusals", "Client", true, s.Clients},
			{"Recipients, by messages", "Recipient", false, s.To},
		},
	}
	if len(s.Limits) > 0 {
		v.Limits = s.Limits[0]
	}
	return t.Execute(w, v)
}

// visible shows what cannot be printed as "?". Escaping alone would let a text turn the
// direction of what stands around it.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// word is an action that has happened.
func word(a filter.Action) string {
	switch a {
	case filter.Accept:
		return "handed on"
	case filter.Tag:
		return "marked"
	case filter.Reject:
		return "refused"
	}
	return "put off"
}

// known is how a message is known to be wanted.
func known(e filter.Evidence) string {
	switch e {
	case filter.ByUser:
		return "sent by users"
	case filter.ByClient:
		return "from clients in lists.accept_clients"
	case filter.BySender:
		return "from senders in lists.accept_senders"
	case filter.BySignature:
		return "signed by domains in lists.accept_signed"
	case review.ByCorrespondent:
		return "from those to whom users have written"
	}
	return visible(string(e))
}

package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"proxyfilter/filter"
	"proxyfilter/filter/journal"
)

// scanned is the answer for one message.
type scanned struct {
	File     string        `json:"file"`
	Size     int64         `json:"size"`
	Action   filter.Action `json:"action"`
	Would    filter.Action `json:"would"` // differs while the policy observes
	Reason   filter.Reason `json:"reason"`
	Policy   string        `json:"policy"`
	Policies []policySaid  `json:"policies,omitempty"` // when the recipients are under several
	Score    float64       `json:"score"`
	TagAt    float64       `json:"tag_at"`
	RejectAt float64       `json:"reject_at"` // 0: never
	Sources  []sourceSaid  `json:"sources"`

	unscanned bool
	record    filter.Record // as the daemon would have made it, without an answer
}

type policySaid struct {
	Policy     string        `json:"policy"`
	Recipients []string      `json:"recipients"`
	Action     filter.Action `json:"action"`
	Would      filter.Action `json:"would"`
	TagAt      float64       `json:"tag_at"`
	RejectAt   float64       `json:"reject_at"`
	Reason     filter.Reason `json:"reason"`
}

type sourceSaid struct {
	Source string       `json:"source"`
	Server string       `json:"server,omitempty"`
	Score  float64      `json:"score"`
	Took   float64      `json:"seconds"`
	Labels []string     `json:"labels,omitempty"`
	Rules  []ruleSaid   `json:"rules"`
	Cause  filter.Cause `json:"cause,omitempty"`
	Err    string       `json:"error,omitempty"`
}

type ruleSaid struct {
	Name        string  `json:"name"`
	Points      float64 `json:"points"`
	Description string  `json:"description,omitempty"`
}

func newScanned(file string, size int64, v filter.Verdict) scanned {
	s := scanned{
		File: file, Size: size, Action: v.Action, Would: v.Would, Reason: v.Reason, Policy: v.Policy,
		Score: rounded(v.Score), TagAt: v.TagAt, RejectAt: v.RejectAt,
		Sources: []sourceSaid{}, unscanned: v.Unscanned()+v.Unsearched() != "",
	}
	for _, o := range v.Opinions {
		s.Policies = append(s.Policies, policySaid(o))
	}
	for _, f := range v.Findings {
		said := sourceSaid{
			Source: f.Source, Server: f.Server, Score: rounded(f.Score), Took: seconds(f.Took),
			Labels: f.Labels, Rules: []ruleSaid{}, Cause: f.Cause, Err: f.Err,
		}
		for _, r := range f.Rules {
			said.Rules = append(said.Rules, ruleSaid(r))
		}
		s.Sources = append(s.Sources, said)
	}
	return s
}

// code is the exit code that this message alone would make.
func (s scanned) code() int {
	switch {
	case s.unscanned:
		return exitTemporary
	case s.Would == filter.Reject:
		return exitNo
	}
	return exitFine
}

func (s scanned) print(w io.Writer) error {
	limit := "never"
	if s.RejectAt > 0 {
		limit = fmt.Sprintf("%.1f", s.RejectAt)
	}
	observed := ""
	if s.Would != s.Action {
		observed = fmt.Sprintf(" (the policy only observes; enforced: %s)", s.Would)
	}
	fmt.Fprintf(w, "%s: %s%s, reason=%s, score=%.1f, tag_at=%.1f, reject_at=%s, policy=%s\n",
		visible(s.File), s.Action, observed, s.Reason, s.Score, s.TagAt, limit, s.Policy)
	for _, o := range s.Policies {
		fmt.Fprintf(w, "  %s, for %s\n", opinionText(filter.Opinion(o)), visible(strings.Join(o.Recipients, ", ")))
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range s.Sources {
		if f.Cause != "" {
			fmt.Fprintf(table, "  %s\tcould not answer\t%s: %s\n", f.Source, f.Cause, visible(f.Err))
		}
		for _, r := range f.Rules {
			fmt.Fprintf(table, "  %6.2f\t%s\t%s\n", r.Points, visible(r.Name), visible(r.Description))
		}
	}
	return table.Flush()
}

// explain tells the story of a message that nobody has sent.
func (s scanned) explain(w io.Writer) error {
	fmt.Fprintf(w, "%s, if it came now:\n", visible(s.File))
	return newAccount(journal.Entry{Record: s.record, Recipients: len(s.record.Envelope.Recipients)}).print(w)
}

// visible keeps what a scanner or a file name says from steering a terminal.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"proxyfilter/filter/review"
)

// The widths, for a terminal of 80 columns.
const (
	barCells    = 40
	keyCells    = 44
	chartHeight = 5
)

const minute = "2 Jan 2006 15:04"

// printReport writes for a terminal: text and blocks, and no colour that could be
// missing.
func printReport(w io.Writer, s review.Summary) {
	fmt.Fprintf(w, "Mail from %s to %s: %d records\n", s.From.Format(minute), s.Until.Format(minute), s.Records)
	printActions(w, s)
	printHealth(w, s)
	printScores(w, s)
	printOthers(w, s)
	printTimeline(w, s)
	printRanked(w, "Rules, by messages that hit them", s.Rules)
	printClients(w, s.Clients)
	printRelays(w, s.Relays)
	printRanked(w, "Recipients, by messages", s.To)
	if s.Hashed > 0 {
		fmt.Fprintf(w, "\n(Addresses of %d older messages are hashed: their clients and recipients are\nnot counted.)\n", s.Hashed)
	}
	printScans(w, s)
	printOverruled(w, s)
}

func heading(w io.Writer, text string) { fmt.Fprintf(w, "\n%s\n", text) }

// printActions has a bar for each action, and below it the reasons.
func printActions(w io.Writer, s review.Summary) {
	heading(w, "What became of it")
	for _, a := range s.Actions() {
		fmt.Fprintf(w, "  %-10s %8d %5.1f %%  %s\n", a.Action.Done(), a.Count, a.Share, barOf(a.Count, s.Records, barCells))
		for _, o := range a.Reasons {
			fmt.Fprintf(w, "    %-12s %12d\n", o.Reason, o.Count)
		}
	}
	if s.Observed > 0 {
		fmt.Fprintf(w, "  Of %d messages it was only observed what would have happened.\n", s.Observed)
	}
	for _, k := range s.Wanted {
		fmt.Fprintf(w, "  Known to be wanted: %d (%s)\n", k.Count, howWanted(k.How))
	}
}

// printScores is a histogram. The limits stand where they are.
func printScores(w io.Writer, s review.Summary) {
	if len(s.Scores) == 0 {
		return
	}
	heading(w, "Scores")
	most := 0
	for _, b := range s.Scores {
		most = max(most, b.Count)
	}
	for i, b := range s.Scores {
		name := fmt.Sprintf("%.0f", b.From)
		if i == len(s.Scores)-1 && b.From >= review.LastBucket {
			name += "+"
		}
		line := fmt.Sprintf("  %4s %8d  %s", name, b.Count, barOf(b.Count, most, barCells))
		if mark := limitIn(s, b.From); mark != "" {
			line += " ← " + mark
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}

// limitIn names the limits within a point from a score on, those of most mail.
func limitIn(s review.Summary, from float64) string {
	if len(s.Limits) == 0 {
		return ""
	}
	var marks []string
	within := func(limit float64) bool { return limit != 0 && limit >= from && limit < from+1 }
	if l := s.Limits[0]; within(l.TagAt) {
		marks = append(marks, fmt.Sprintf("marked from %.1f", l.TagAt))
	}
	if l := s.Limits[0]; within(l.RejectAt) {
		marks = append(marks, fmt.Sprintf("refused from %.1f", l.RejectAt))
	}
	return strings.Join(marks, ", ")
}

// printOthers says what another limit would have done.
func printOthers(w io.Writer, s review.Summary) {
	if len(s.Others) == 0 {
		return
	}
	heading(w, "With another reject_at, for everybody")
	for _, o := range s.Others {
		fmt.Fprintf(w, "  %s\n", o.Sentence())
	}
}

// printTimeline has a column for each step of time.
func printTimeline(w io.Writer, s review.Summary) {
	refused, most := make([]int, len(s.Columns)), 0
	for i, c := range s.Columns {
		refused[i] = c.Refused
		most = max(most, c.Refused)
	}
	step := formatSpan(time.Duration(s.Step * float64(time.Second)))
	heading(w, fmt.Sprintf("Refusals, a column for %s", step))
	if most == 0 {
		fmt.Fprintln(w, "  none")
		return
	}
	for i, line := range columnsOf(refused, chartHeight) {
		label := ""
		if i == 0 {
			label = fmt.Sprint(most)
		}
		fmt.Fprintf(w, "  %5s│%s\n", label, line)
	}
	fmt.Fprintf(w, "  %5s└%s\n", "0", strings.Repeat("─", len(refused)))
	first, last := s.Columns[0].From.Format("2 Jan 15:04"), s.Columns[len(s.Columns)-1].From.Format("2 Jan 15:04")
	fmt.Fprintf(w, "        %s%*s\n", first, max(len(refused)-len(first), len(last)+1), last)
}

func printRanked(w io.Writer, title string, all []review.Ranked) {
	if len(all) == 0 {
		return
	}
	heading(w, title)
	fmt.Fprintf(w, "  %*s  messages   refused\n", -keyCells, "")
	for _, r := range all {
		about := " "
		if r.Over > 0 {
			about = "≤"
		}
		fmt.Fprintf(w, "  %s %s%8d  %8d\n", keyText(r.Key), about, r.Count, r.Refused)
	}
}

// printClients has no messages but those that were refused.
func printClients(w io.Writer, all []review.Ranked) {
	if len(all) == 0 {
		return
	}
	heading(w, "Clients, by refusals")
	for _, r := range all {
		fmt.Fprintf(w, "  %s  %8d\n", keyText(r.Key), r.Refused)
	}
}

// keyText is a key that fills its column.
func keyText(key string) string {
	key = visible(key)
	if utf8.RuneCountInString(key) > keyCells {
		key = string([]rune(key)[:keyCells-1]) + "…"
	}
	return key + strings.Repeat(" ", keyCells-utf8.RuneCountInString(key))
}

// printScans is about the scanners: how fast they are, and when they were not.
func printScans(w io.Writer, s review.Summary) {
	if len(s.Slowest) > 0 {
		heading(w, "Scans, in seconds")
		fmt.Fprintf(w, "  half within %.2f, 95 %% within %.2f, 99 %% within %.2f\n", s.Scanned.Half, s.Scanned.P95, s.Scanned.P99)
		fmt.Fprintf(w, "  waited for a scanner: half within %.2f, 95 %% within %.2f, 99 %% within %.2f\n", s.Waited.Half, s.Waited.P95, s.Waited.P99)
		fmt.Fprintln(w, "  the slowest:")
	}
	for _, slow := range s.Slowest {
		fmt.Fprintf(w, "    %s  %s  %8.2f  %8d bytes\n", visible(slow.Reference), slow.Time.Local().Format(time.DateTime), slow.Scanned, slow.Size)
	}
	if len(s.Errors) > 0 {
		heading(w, "Scanners that could not answer")
	}
	for _, e := range s.Errors {
		fmt.Fprintf(w, "  %-20s %-12s %8d\n", visible(e.Source), e.Cause, e.Count)
	}
}

func printOverruled(w io.Writer, s review.Summary) {
	if s.Overruled == 0 {
		return
	}
	heading(w, fmt.Sprintf("Passed because of one recipient: %d", s.Overruled))
	fmt.Fprintln(w, "  Some recipients' policy would have refused them, another one's did not:")
	for _, m := range s.Lenient {
		fmt.Fprintf(w, "    %s  %s  %.1f  <%s>\n", visible(m.Reference), m.Time.Local().Format(time.DateTime), m.Score, visible(m.Sender))
	}
}

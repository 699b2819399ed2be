package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/journal"
)

// account is the story of one Record. The record itself has the format that package
// journal documents.
type account struct {
	Record     json.RawMessage `json:"record"`
	Outcome    string          `json:"outcome"`
	Why        []string        `json:"why"`
	LetThrough []string        `json:"would_have_let_it_through"` // or kept it unmarked

	entry journal.Entry
}

func newAccount(e journal.Entry) account {
	a := account{Outcome: headline(&e.Record), Why: because(&e.Record), LetThrough: letThrough(&e.Record), entry: e}
	if a.LetThrough == nil {
		a.LetThrough = []string{}
	}
	record, err := e.JSON()
	if err != nil { // what came from a line fits into one
		record = []byte("null")
	}
	a.Record = record
	return a
}

// print writes the story. Everything in it that a stranger chose is made visible
// first: it is read at a terminal.
func (a account) print(w io.Writer) error {
	e := &a.entry
	fmt.Fprintf(w, "%s: %s, %s\n\n", visible(e.Envelope.ID), a.Outcome, e.Time.Local().Format("Mon 2 Jan 2006 15:04:05 MST"))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	a.envelope(t)
	if err := t.Flush(); err != nil {
		return err
	}
	for _, o := range e.Verdict.Opinions {
		fmt.Fprintf(w, "\n%s\n", visible(opinionSentence(&o)))
	}
	for i := range e.Verdict.Findings {
		if err := printFinding(w, &e.Verdict.Findings[i]); err != nil {
			return err
		}
	}
	paragraph(w, "Why", a.Why)
	title := "What would have let it through"
	if e.Verdict.Would == filter.Tag {
		title = "What would have kept it unmarked"
	}
	paragraph(w, title, a.LetThrough)
	if a.stages() != "" {
		fmt.Fprintf(w, "\nTimes: %s.\n", a.stages())
	}
	return nil
}

// envelope writes who sent what to whom, one row each.
func (a account) envelope(t io.Writer) {
	e := &a.entry
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(t, "  %s\t%s\n", name, visible(text))
		}
	}
	row("from", "<"+e.Envelope.Sender+">")
	row("to", recipientText(e))
	row("client", clientText(e))
	row("header From", e.From)
	row("subject", e.Subject)
	row("Message-ID", e.MessageID)
	if e.Size > 0 {
		row("size", fmt.Sprintf("%d bytes", e.Size))
	}
	if e.HandedOn {
		row("handed on", "there are signs that the client had it from somebody else")
	}
	row("front door", e.Envelope.Listener)
	row("policy", e.Verdict.Policy)
	row("answer", e.Reply)
	row("queue id", e.QueueID)
	row("sent before", e.Original)
	row("error", e.Err)
	for _, odd := range anomalies(&e.Anomalies) {
		if odd.count > 0 {
			row("odd bytes", fmt.Sprintf("%s, %d times", odd.kind, odd.count))
		}
	}
	if e.Hashed {
		row("note", "addresses are hashed, and the client's is cut, since journal.keep_addresses")
	}
}

func recipientText(e *journal.Entry) string {
	if e.Recipient != "" {
		return "<" + e.Recipient + ">"
	}
	return addressList(e.Envelope.Recipients, e.Recipients)
}

// maxAddressesShown bounds a list.
const maxAddressesShown = 20

// addressList is the first of so many addresses.
func addressList(addresses []string, count int) string {
	var all []string
	for _, s := range addresses[:min(len(addresses), maxAddressesShown)] {
		all = append(all, "<"+s+">")
	}
	if more := count - len(all); more > 0 {
		all = append(all, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(all, ", ")
}

func clientText(e *journal.Entry) string {
	c := &e.Envelope.Client
	if !c.Addr.IsValid() && c.Name == "" && c.Helo == "" && !c.Authenticated && !c.Local {
		return ""
	}
	name, addr := c.Name, "unknown"
	if name == "" {
		name = "unknown"
	}
	if c.Addr.IsValid() {
		addr = c.Addr.String()
	}
	text := name + "[" + addr + "]"
	if c.Helo != "" {
		text += ", which calls itself " + c.Helo
	}
	switch {
	case c.Authenticated:
		text += ", a user who has logged in"
	case c.Local:
		text += ", in one of Postfix's own networks"
	}
	return text
}

// printFinding writes what one source said.
func printFinding(w io.Writer, f *filter.Finding) error {
	if len(f.Assigned) > 0 {
		return printAssigned(w, f.Assigned)
	}
	server := ""
	if f.Server != "" {
		server = " (" + f.Server + ")"
	}
	if f.Cause != "" {
		_, err := fmt.Fprintf(w, "\n%s%s could not answer, after %.3f s: %s: %s\n", visible(f.Source), visible(server), f.Took.Seconds(), f.Cause, visible(f.Err))
		return err
	}
	if text := listText(f); text != "" {
		_, err := fmt.Fprintf(w, "\n%s.\n", visible(text))
		return err
	}
	text := fmt.Sprintf("%s%s gave it a score of %.1f", f.Source, server, f.Score)
	if f.Viruses {
		text = f.Source + server + " " + foundText(f)
	}
	if f.Limit != 0 {
		text += fmt.Sprintf(", and takes mail for spam from %.1f on", f.Limit)
	}
	if len(f.Labels) > 0 {
		text += " [" + strings.Join(f.Labels, ", ") + "]"
	}
	end := ".\n"
	if len(f.Rules) > 0 {
		end = ":\n"
	}
	fmt.Fprintf(w, "\n%s%s", visible(text), end)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range f.Rules {
		fmt.Fprintf(t, "  %6.1f\t%s\t%s\n", r.Points, visible(r.Name), visible(r.Description))
	}
	return t.Flush()
}

// listText is what a list says, or nothing when the finding is none.
func listText(f *filter.Finding) string {
	if f.HasLabel(filter.Suspended) {
		return whySuspended(f)
	}
	if id := f.MailingList(); id != "" {
		return "It comes from the mailing list " + id + ", which has signed it"
	}
	if entry := f.ListEntry(); entry != "" {
		return "lists." + entry + forWhom(f)
	}
	if e, about, found := f.Exception(); found {
		return exceptionText(e, about)
	}
	return ""
}

func whySuspended(f *filter.Finding) string {
	switch f.Source {
	case filter.HealthName:
		return "Score health was red: " + f.Text
	case filter.GuardName:
		return "Refusals were suspended (guard.mode): " + f.Text
	}
	return "Refusals were suspended (policy.panic_file)"
}

// forWhom names the recipients that a list's word is about, if it is not about all.
func forWhom(f *filter.Finding) string {
	if len(f.Recipients) == 0 {
		return ""
	}
	return ", for " + addressList(f.Recipients, len(f.Recipients))
}

// printAssigned writes what the policy map said of the first recipients.
func printAssigned(w io.Writer, all []filter.Assignment) error {
	fmt.Fprintln(w)
	for _, a := range all[:min(len(all), maxAddressesShown)] {
		if _, err := fmt.Fprintf(w, "%s.\n", visible(assignmentText(a))); err != nil {
			return err
		}
	}
	return nil
}

func assignmentText(a filter.Assignment) string {
	if a.Err != "" {
		return fmt.Sprintf("The policy map could not be asked about <%s>: %s", a.Recipient, a.Err)
	}
	text := fmt.Sprintf("The policy map says of <%s>: policy %s", a.Recipient, quote(a.Policy))
	if a.Mailbox != "" {
		text += ", mailbox " + quote(a.Mailbox)
	}
	if a.Stale {
		text += " (an older answer: it could not be asked)"
	}
	return text
}

func paragraph(w io.Writer, title string, sentences []string) {
	if len(sentences) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s:\n", title)
	for _, s := range sentences {
		fmt.Fprintf(w, "  %s\n", visible(s))
	}
}

// stages are the times that the message spent, those that it had.
func (a account) stages() string {
	e := &a.entry
	var all []string
	for _, s := range []struct {
		what string
		took time.Duration
	}{
		{"received in", e.Received},
		{"waited for a scanner", e.Waited},
		{"scanned in", e.Scanned},
		{"answered after the verdict in", e.Committed},
	} {
		if s.took > 0 {
			all = append(all, fmt.Sprintf("%s %.3f s", s.what, s.took.Seconds()))
		}
	}
	return strings.Join(all, ", ")
}

// printList has a line for each message, with the reference that tells its story.
func printList(w io.Writer, found []journal.Entry) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i := range found {
		e := &found[i]
		score := ""
		if e.Verdict.Scored() {
			score = fmt.Sprintf("%.1f", e.Verdict.Score)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t<%s> to %s\n", e.Envelope.ID, e.Time.Local().Format(time.DateTime),
			e.Verdict.Action, e.Verdict.Reason, score, visible(e.Envelope.Sender), visible(recipientText(e)))
	}
	return t.Flush()
}

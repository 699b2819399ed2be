package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"proxyfilter/filter"
	"proxyfilter/filter/review"
)

// print writes the answer for a person.
func (r replayed) print(w io.Writer) error {
	if r.Advice != nil {
		return printAdvice(w, *r.Advice)
	}
	fmt.Fprintf(w, "%d records, %s to %s.\n", r.Records, r.From.Local().Format("2 Jan 2006 15:04"), r.Until.Local().Format("2 Jan 2006 15:04"))
	if r.Observe {
		fmt.Fprintln(w, "The policy only observes: this is what it would have done.")
	}
	changed := 0
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w)
	for _, c := range r.Changes {
		if c.Changed() {
			changed += c.Count
			fmt.Fprintf(t, "  %s\t%d\t%s\n", changeText(c), c.Count, wantedText(c.Wanted))
		}
	}
	same := r.Records - changed
	for _, l := range r.LeftOut {
		same -= l.Count
	}
	fmt.Fprintf(t, "  as before\t%d\t\n", same)
	if err := t.Flush(); err != nil {
		return err
	}
	r.printLeft(w)
	return r.printSamples(w)
}

// changeText is what became of messages, and what would have.
func changeText(c review.Change) string {
	return c.From.Done() + " → " + c.To.Done()
}

func wantedText(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "1 of them is known to be wanted"
	}
	return fmt.Sprintf("%d of them are known to be wanted", n)
}

// printLeft says what the counts do not tell.
func (r replayed) printLeft(w io.Writer) {
	if len(r.LeftOut) > 0 {
		fmt.Fprintln(w, "\nNot decided about again:")
	}
	for _, l := range r.LeftOut {
		fmt.Fprintf(w, "  %d: %s\n", l.Count, l.Why)
	}
	if r.Signable > 0 {
		fmt.Fprintf(w, "\n%d of the messages that would be marked or refused now would first have been looked at\nfor a signature of lists.accept_signed. Whether they bear one is not in the journal.\n", r.Signable)
	}
}

func (r replayed) printSamples(w io.Writer) error {
	for _, c := range r.Changes {
		if !c.Changed() || len(c.Samples) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s, the newest:\n", changeText(c))
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, s := range c.Samples {
			wanted := ""
			if s.Wanted != "" {
				wanted = "wanted: " + howWanted(filter.Evidence(s.Wanted))
			}
			fmt.Fprintf(t, "  %s\t%s\t%.1f\t%s\t%s\n", visible(s.Reference), s.Time.Local().Format(time.DateTime), s.Score,
				visible(fmt.Sprintf("<%s> to <%s>", s.Sender, s.Recipient)), wanted)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// howWanted is how it is known, in a few words.
func howWanted(e filter.Evidence) string {
	return map[filter.Evidence]string{
		filter.ByUser: "sent by a user", filter.ByClient: "a client of lists.accept_clients",
		filter.BySender: "a sender of lists.accept_senders", filter.BySignature: "signed by a domain of lists.accept_signed",
		review.ByCorrespondent: "a user has written to its sender",
	}[e]
}

func printAdvice(w io.Writer, a review.Advice) error {
	fmt.Fprintf(w, "[policy]\ntag_at    = %.1f\n", a.TagAt)
	if a.RejectAt > 0 {
		fmt.Fprintf(w, "reject_at = %.1f\n", a.RejectAt)
	}
	fmt.Fprintln(w)
	for _, why := range a.Why {
		fmt.Fprintf(w, "# %s\n", why)
	}
	try := fmt.Sprintf("-o policy.tag_at=%.1f", a.TagAt)
	if a.RejectAt > 0 {
		try += fmt.Sprintf(" -o policy.reject_at=%.1f", a.RejectAt)
	}
	_, err := fmt.Fprintf(w, "\nSee what it would have done: proxyfilter replay %s\n", try)
	return err
}

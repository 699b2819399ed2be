package ledger

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Figures are what a run comes to. The second group must be 0.
type Figures struct {
	Letters, Attempts int
	Accepted          int // letters whose client heard 2xx in the end
	Refused           int // 5xx
	Deferred          int // given up after 4xx
	Abandoned         int // the client hung up
	Explained         int // doubles after an answer that was lost
	Redelivered       int // files that the next hop wrote twice by itself: one queue id
	Prevented         int // retries that proxyfilter answered, and did not deliver

	Lost      int // accepted, and not there for each recipient
	Needless  int // doubles that nothing explains
	LetIn     int // refused, deferred or abandoned, and there
	Damaged   int // not as sent
	Misjudged int // refused without a reason, or accepted against one
	Undecided int // still no answer when the run ended
}

// Finding is a letter that needs an explanation.
type Finding struct {
	What  string
	Story []string // the attempts, records, log lines and kills about it
}

// String is the whole story.
func (f Finding) String() string { return f.What + "\n    " + strings.Join(f.Story, "\n    ") }

// Balance compares what was told with what arrived. Findings are first the
// faults, then the doubles with their explanations.
func Balance(e Evidence) (figures Figures, faults, explained []Finding) {
	b := balance{Evidence: e, copies: make(map[string][]Copy)}
	for _, c := range e.Copies {
		b.copies[c.ID] = append(b.copies[c.ID], c)
	}
	b.Figures.Letters = len(e.Book.letters)
	for _, r := range e.Records {
		if r.Reason == "duplicate" && r.Action == "accept" {
			b.Prevented++
		}
	}
	for _, l := range e.Book.letters {
		b.letter(l)
	}
	return b.Figures, b.faults, b.explained
}

type balance struct {
	Evidence
	Figures
	copies            map[string][]Copy // by Message-ID
	faults, explained []Finding
}

// letter closes one page of the book.
func (b *balance) letter(l *Letter) {
	attempts, copies := b.Book.attempts[l], b.copies[l.ID]
	b.Attempts += len(attempts)
	class := 0
	if len(attempts) > 0 {
		class = attempts[len(attempts)-1].Reply.Code / 100
	}
	switch class {
	case 2:
		b.Accepted++
		b.faultIf(l.Refused, l, &b.Misjudged, "it was to be refused, and was accepted")
		b.arrived(l, attempts, copies)
	case 5:
		b.Figures.Refused++
		b.faultIf(!l.Refused, l, &b.Misjudged, "it was refused without a reason")
		b.faultIf(len(copies) > 0, l, &b.LetIn, "it was refused, and arrived")
	case 4:
		b.Deferred++
		b.faultIf(len(copies) > 0, l, &b.LetIn, "it was deferred to the end, and arrived")
	default:
		if l.Abandoned {
			b.Figures.Abandoned++
			b.faultIf(len(copies) > 0, l, &b.LetIn, "its client had hung up, and it arrived")
			return
		}
		b.faultIf(true, l, &b.Undecided, "nobody has decided about it")
	}
}

// arrived wants one whole copy for each recipient, and an explanation for every
// further one. Two files of one queue id are the next hop's own doing: its
// delivery agent was killed after it wrote the file.
func (b *balance) arrived(l *Letter, attempts []Attempt, copies []Copy) {
	for _, to := range l.To {
		there := slices.ContainsFunc(copies, func(c Copy) bool { return c.Recipient == to })
		b.faultIf(!there, l, &b.Lost, "it was accepted, and did not arrive for "+to)
	}
	seen := make(map[string]bool)
	for _, c := range copies {
		b.faultIf(!c.whole(l), l, &b.Damaged, "it arrived changed")
		if seen[c.QueueID+" "+c.Recipient] {
			b.Redelivered++
		}
		seen[c.QueueID+" "+c.Recipient] = true
	}
	b.doubles(l, attempts, copies)
}

// doubles looks at every transaction of the next hop but the one that had to be:
// that of the answer, whose queue id the client was told.
func (b *balance) doubles(l *Letter, attempts []Attempt, copies []Copy) {
	transactions := make(map[string]Copy)
	for _, c := range copies {
		transactions[c.QueueID] = c
	}
	if len(transactions) < 2 {
		return
	}
	last := attempts[len(attempts)-1]
	for id, c := range transactions {
		at := slices.IndexFunc(attempts, func(a Attempt) bool { return a.Helo == c.Helo })
		if strings.HasSuffix(last.Reply.Text, "queued as "+id) {
			continue
		}
		why := ""
		if at >= 0 {
			why = b.why(attempts[at])
		}
		if why == "" {
			b.faultIf(true, l, &b.Needless, "a second copy, "+id+", that nothing explains")
			continue
		}
		b.Explained++
		b.explained = append(b.explained, Finding{fmt.Sprintf("letter %d: a second copy, %s: %s", l.Number, id, why), b.story(l)})
	}
}

// why explains a copy whose client was not told of it: where the answer was
// lost. It is empty when nothing does.
func (b *balance) why(a Attempt) string {
	if a.Reply.Code/100 == 2 {
		return "" // it was told
	}
	records := b.about(a)
	switch {
	case len(records) == 0 && b.killed("proxyfilter", a, 0):
		return "proxyfilter was killed after the next hop had taken it, before its record"
	case len(records) != 1:
		return ""
	}
	r := records[0]
	switch {
	case r.Reason == "hop-lost" && strings.Contains(r.Err, "after the final dot") && b.killed("A", a, 0):
		return "A was killed after it had taken it, before its answer"
	case r.QueueID != "" && b.killed("proxyfilter", a, 0):
		return "proxyfilter was killed after its record, before its answer"
	case r.QueueID != "" && b.killed("P", a, 0) && !b.unheard(r):
		return "P was killed after its QUIT, before its own answer"
	case r.QueueID != "" && b.killed("P", a, 0) && b.killed("proxyfilter", a, stored):
		return "P was killed before its answer, and then proxyfilter, before it had stored that"
	}
	return ""
}

// stored is how long proxyfilter may take to write down that an answer was lost.
const stored = time.Second

func (b *balance) faultIf(wrong bool, l *Letter, count *int, what string) {
	if wrong {
		*count++
		b.faults = append(b.faults, Finding{fmt.Sprintf("letter %d: %s", l.Number, what), b.story(l)})
	}
}

// story is everything that is known of a letter.
func (b *balance) story(l *Letter) []string {
	var lines []string
	for _, a := range b.Book.attempts[l] {
		lines = append(lines, a.String())
		for _, r := range b.about(a) {
			lines = append(lines, "  proxyfilter: "+r.Line)
			for _, line := range b.Filter {
				if strings.Contains(line, r.ID) && line != r.Line {
					lines = append(lines, "  proxyfilter: "+line)
				}
			}
			for _, line := range b.NextHop {
				if strings.Contains(line, "orig_queue_id="+r.ID) || r.QueueID != "" && strings.Contains(line, ": "+r.QueueID+": ") {
					lines = append(lines, "  "+line)
				}
			}
		}
		for _, k := range b.Kills {
			if !k.At.Before(a.Began) && !k.At.After(a.Ended) {
				lines = append(lines, "  "+k.String())
			}
		}
	}
	for _, c := range b.copies[l.ID] {
		lines = append(lines, fmt.Sprintf("arrived as %s for %s, from %s", c.QueueID, c.Recipient, c.Helo))
	}
	return lines
}

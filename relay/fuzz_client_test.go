package relay

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"proxyfilter/filter"
	"proxyfilter/relay/relaytest"
)

// FuzzClient: whatever a client sends, and however it is cut, the next hop gets
// exactly the messages that the client has sent to their ends, in their order,
// with the envelope and the content that an independent reader finds in the same
// bytes; no end of data is answered with 2xx without the next hop's, be it the one
// to the same message before; what is said is always a reply, is recorded, and
// comes in time; and memory keeps its bounds.
func FuzzClient(f *testing.F) {
	for how, seed := range clientSeeds() {
		f.Add([]byte(seed), uint16(0))
		f.Add([]byte(seed), scarce)
		f.Add([]byte(seed), uint16(how)<<3)
	}
	f.Fuzz(func(t *testing.T, b []byte, how uint16) {
		synctest.Test(t, func(t *testing.T) { playClient(t, plan(b), how) })
	})
}

func playClient(t *testing.T, steps []step, how uint16) {
	l := newLaboratory(t, how)
	hop := &relaytest.Hop{}
	if how>>8&1 == 1 {
		hop.Announce = []string{"8BITMIME"}
	}
	go hop.Serve(l.back)
	var talks []*transcript
	for _, steps := range conversations(steps) {
		talks = append(talks, l.converse(steps))
	}
	l.end()
	hop.Close()
	report := hop.Report()
	if len(report.Violations) > 0 {
		t.Fatalf("to the next hop: %q", report.Violations)
	}
	b := balance{laboratory: l, carried: completeOnes(report), records: l.records}
	var all []completed
	for _, talk := range talks {
		all = append(all, b.check(talk)...)
	}
	if len(b.carried) > 0 {
		t.Fatalf("the next hop got what nobody sent: %+v", b.carried)
	}
	l.seen(all)
}

// balance is what is left to be accounted for, as one conversation is looked at
// after the other.
type balance struct {
	*laboratory
	carried []relaytest.Transaction // that nobody is known to have sent yet
	done    []relaytest.Transaction

	// unanswered are those of carried that may be messages without an answer, or the
	// same ones sent once more.
	unanswered []relaytest.Transaction
	records    []filter.Record
}

// check holds a conversation against what an independent reader makes of it.
func (b *balance) check(talk *transcript) []completed {
	replies, err := talk.replies()
	if err != nil {
		b.t.Fatal(err)
	}
	all, complaint := understood(talk, replies)
	if complaint != "" {
		b.t.Fatalf("%s\nsent  %q\nheard %q", complaint, talk.sent, talk.heard)
	}
	for i, c := range all {
		switch accepted := c.reply != nil && c.reply.code[0] == '2'; {
		case c.reply != nil && !accepted: // and whoever has got it, got what nobody sent
		case len(b.carried) > 0 && c.is(b.carried[0]) && (b.carried[0].Taken || !accepted):
			b.done = append(b.done, b.carried[0])
			if c.reply == nil {
				b.unanswered = append(b.unanswered, b.carried[0])
			}
			b.carried = b.carried[1:]
		case accepted && b.sentOnceMore(c):
		case accepted && !slices.ContainsFunc(b.done, c.retries):
			b.t.Fatalf("message %d was answered %s, and the next hop has %+v\nsent %q", i, c.reply.text, b.carried, talk.sent)
		}
		if c.reply == nil {
			continue
		}
		b.records = b.recorded(c, b.records)
		b.inTime(talk, c)
		if talk.excess(c) && (c.reply.code != "451" || c.reply.until != len(talk.heard)) {
			b.t.Fatalf("more was sent at once with an end of data, and heard was %q\nsent %q", talk.heard, talk.sent)
		}
	}
	return all
}

// sentOnceMore reports whether the next hop has got this message and not the one without
// an answer that it was taken for: they are the same, and the answer names the queue id.
func (b *balance) sentOnceMore(c completed) bool {
	i := slices.IndexFunc(b.unanswered, func(t relaytest.Transaction) bool {
		return t.Taken && c.is(t) && strings.Contains(c.reply.text, t.QueueID)
	})
	if i < 0 {
		return false
	}
	b.unanswered = slices.Delete(b.unanswered, i, i+1)
	return true
}

// retries reports whether this is a message that was taken before, and answered
// so: the same envelope, name, date and content below what Postfix wrote on top.
func (c completed) retries(t relaytest.Transaction) bool {
	header, _, _ := strings.Cut(strings.ToLower(c.content), "\r\n\r\n")
	return strings.Contains(c.reply.text, t.QueueID) && strings.Contains(header, "message-id") && strings.Contains(header, "date") &&
		t.Mail == c.mail && slices.Equal(t.Recipients, c.rcpts) && belowReceived(string(t.Content)) == belowReceived(carriedText(c.content))
}

// completeOnes are the messages that a next hop has got to their ends.
func completeOnes(hop relaytest.Report) (all []relaytest.Transaction) {
	for _, t := range hop.Transactions {
		if t.Complete {
			all = append(all, t)
		}
	}
	return all
}

// is reports whether the next hop got this very message.
func (c completed) is(t relaytest.Transaction) bool {
	return t.Mail == c.mail && slices.Equal(t.Recipients, c.rcpts) && string(t.Content) == carriedText(c.content)
}

// recorded finds the record of a message that was answered, behind those before.
func (l *laboratory) recorded(c completed, records []filter.Record) []filter.Record {
	text := strings.TrimSuffix(c.reply.text, "\r\n")
	for i, r := range records {
		if r.Reply == text {
			return records[i+1:]
		}
	}
	l.t.Fatalf("no record of %q among %+v", text, l.records)
	return nil
}

// inTime holds a reply to the budget, and to what a judge may overdraw it by.
func (l *laboratory) inTime(talk *transcript, c completed) {
	took := when(talk.earTimes, c.reply.until).Sub(when(talk.sendTimes, c.until))
	if took > l.server.Budget.Reply+2*stuck {
		l.t.Fatalf("the answer came after %v", took)
	}
}

// excess reports that more left together with the end of data.
func (talk *transcript) excess(c completed) bool {
	for _, m := range talk.sendTimes {
		if m.bytes >= c.until {
			return m.bytes > c.until
		}
	}
	return false
}

// seen compares what the judge was shown with what was sent.
func (l *laboratory) seen(all []completed) {
	for _, content := range l.scanned {
		n := slices.IndexFunc(all, func(c completed) bool { return c.content == content })
		if n < 0 {
			l.t.Fatalf("scanned %q, which nobody sent", content)
		}
		all = all[n+1:]
	}
}

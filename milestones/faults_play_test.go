package milestones

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"proxyfilter/filter"
	"proxyfilter/integration/faults"
)

// The clock, from the end of data; and the silence after which we hang up.
const (
	latest  = 95 * time.Second
	longest = 310 * time.Second
)

// observed is what one cell shows.
type observed struct {
	heard   answers
	records []filter.Record
	first   [len(recipients)]int // copies at A after the fault
	second  [len(recipients)]int // and after the remote client has tried again
	retried bool
}

// observe plays a cell: a letter that meets the fault, the same again if its
// client has to, and one more that nothing is wrong with. What must hold in every
// cell is checked on the way.
func observe(t *testing.T, cell faults.Cell, spam bool) (seen observed) {
	before := descriptors(t)
	synctest.Test(t, func(t *testing.T) {
		tr := newTrial(t, cell)
		if spam {
			tr.points = 20
		}
		defer func() {
			if t.Failed() {
				t.Logf("the log, from warnings up:\n%s", tr.complaints())
			}
		}()
		tr.begin()
		seen = tr.faulty(write("letter", cell, spam), spam)
		tr.healthy("after")
		tr.end()
		tr.nothingLeft()
	})
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors are open, before it were %d", after, before)
	}
	return seen
}

// begin is up to the letter that meets the fault. One of an idle connection comes
// behind the letter before, and is to be heard apart from the answer to it.
func (tr *trial) begin() {
	switch {
	case tr.cell.Stage == faults.Idle:
		tr.goWrong()
		tr.healthy("before")
		time.Sleep(2 * time.Second)
	case tr.cell.Side == faults.Kept:
		tr.healthy("before")
		tr.goWrong()
	case tr.cell.Stage == faults.Remember: // before the letter, not behind it
		tr.restart()
		tr.goWrong()
	default:
		tr.goWrong()
	}
}

// faulty sends the letter into the fault, and again once it is over.
func (tr *trial) faulty(l letter, spam bool) (seen observed) {
	from := len(tr.recorded(0))
	to := recipients[:]
	fault := faults.Cell{}
	switch tr.cell.Side {
	case faults.Postfix:
		fault = tr.cell
	case faults.Store:
		fault = faults.Cell{Side: faults.Postfix, Stage: faults.Thinking, Fault: faults.Drop}
	}
	seen.heard = tr.carry(l, to, fault)
	tr.rest()
	seen.records = tr.recorded(from)
	seen.first = tr.copies(l)
	tr.check(seen, spam)
	if tr.cell.Side == faults.Store {
		return tr.forgetful(l, spam, seen.first)
	}
	tr.heal()
	if open := seen.heard.rest(to); len(open) > 0 {
		seen.retried = true
		again := tr.carry(l, open, faults.Cell{})
		want := "2"
		if spam {
			want = "5"
		}
		if class(again.reply) != want || len(again.refused) > 0 {
			tr.t.Errorf("the next try heard %v", again)
		}
		tr.rest()
	}
	seen.second = tr.copies(l)
	tr.account(seen, spam)
	return seen
}

// forgetful is the next try of a letter that A has, and P has not heard of. The
// store has what a new program can know of that.
func (tr *trial) forgetful(l letter, spam bool, first [len(recipients)]int) (seen observed) {
	tr.restart()
	from := len(tr.recorded(0))
	seen.first, seen.retried = first, true
	seen.heard = tr.carry(l, recipients[:], faults.Cell{})
	tr.rest()
	seen.records = tr.recorded(from)
	seen.second = tr.copies(l)
	tr.check(seen, spam)
	tr.heal()
	tr.account(seen, spam)
	return seen
}

// healthy is a letter that nothing is wrong with.
func (tr *trial) healthy(id string) {
	l := write(id, faults.Cell{}, false)
	heard := tr.carry(l, recipients[:], faults.Cell{})
	if class(heard.reply) != "2" || tr.copies(l) != [...]int{1, 1} {
		tr.t.Errorf("the healthy letter %s heard %v and arrived %v times", id, heard, tr.copies(l))
	}
	if id != "before" { // whose connection is wanted
		tr.rest()
	}
}

// check is what must hold for each conversation.
func (tr *trial) check(seen observed, spam bool) {
	heard, t := seen.heard, tr.t
	limit := latest
	if heard.closed {
		limit = longest
	}
	if heard.after > limit {
		t.Errorf("P was answered after %v", heard.after)
	}
	for _, words := range append(values(heard.refused), heard.reply) {
		tr.checkReply(words)
	}
	if spam && class(heard.reply) == "2" && heard.stage != faults.QUIT {
		t.Errorf("spam was accepted: %v", heard)
	}
	want := len(heard.refused)
	if len(heard.taken) > 0 || tr.mailRefused(heard) {
		want++
	}
	if len(seen.records) != want {
		t.Errorf("%d records, want %d: %+v", len(seen.records), want, seen.records)
	}
	for _, r := range seen.records {
		tr.checkRecord(r, heard)
	}
	if n := tr.server.Conversations(); n > 0 {
		t.Errorf("%d conversations are left", n)
	}
	if ram, disk := tr.server.Spool.Used(); ram != 0 || disk != 0 {
		t.Errorf("the spool still holds %d and %d bytes", ram, disk)
	}
	if n := tr.open.Load(); n != 0 {
		t.Errorf("%d connections to A or spamd are left", n)
	}
	if v := tr.hop.Report().Violations; len(v) > 0 {
		t.Errorf("A saw what it may not see: %s", strings.Join(v, "; "))
	}
}

// ours is a refusal that cannot be A's own.
var ours = regexp.MustCompile(`^[45]\d\d [45]\.\d\.\d .*\(ref [0-9A-Z]{12}\)`)

// checkReply holds a reply against what Postfix and strangers may be told.
func (tr *trial) checkReply(words string) {
	switch {
	case strings.HasPrefix(words, "421"), strings.HasPrefix(words, "521"):
		tr.t.Errorf("Postfix would hang up on the remote client: %s", words)
	case len(words) > 510:
		tr.t.Errorf("a reply of %d bytes", len(words))
	case words == "", words[0] == '2', strings.Contains(words, "A says"), strings.Contains(words, "A is"):
	case tr.cell.Side != faults.Postfix && !ours.MatchString(words):
		tr.t.Errorf("a refusal without a reference: %s", words)
	}
}

// checkRecord holds a Record against what P heard.
func (tr *trial) checkRecord(r filter.Record, heard answers) {
	words := heard.reply
	if r.Recipient != "" {
		words = heard.refused[r.Recipient]
	}
	if heard.stage != faults.Dot && r.Recipient == "" && !tr.mailRefused(heard) {
		words = ""
	}
	if words != "" && r.Reply != words {
		tr.t.Errorf("the Record says %q, P heard %q", r.Reply, words)
	}
	want := map[string][]filter.Action{"2": {filter.Accept, filter.Tag}, "4": {filter.Defer}, "5": {filter.Reject}}[class(r.Reply)]
	if r.Reply == "" {
		want = []filter.Action{filter.Defer}
	}
	if !slices.Contains(want, r.Verdict.Action) {
		tr.t.Errorf("the Record says %v with the reply %q", r.Verdict.Action, r.Reply)
	}
	if !slices.Contains(filter.Reasons(), r.Verdict.Reason) {
		tr.t.Errorf("the reason %q is none of the closed set", r.Verdict.Reason)
	}
}

// account is what must hold in the end: who heard yes has the letter once, who
// heard no has not, and nothing is there twice unless A had taken it and the
// answer was lost.
func (tr *trial) account(seen observed, spam bool) {
	for i, rcpt := range recipients {
		first, second := seen.first[i], seen.second[i]
		switch answer := seen.heard.settled(rcpt); {
		case spam || answer == "5":
			if first+second > 0 {
				tr.t.Errorf("%s heard no and has %d copies", rcpt, first+second)
			}
		case answer == "2" && first == 1 && tr.cell.Side == faults.Store:
			if second != 1 && second != 2 {
				tr.t.Errorf("%s has %d copies although the store has failed only", rcpt, second)
			}
		case answer == "2":
			if first != 1 || second != 1 {
				tr.t.Errorf("%s heard yes and has %d, later %d copies", rcpt, first, second)
			}
		case first == 1 && tr.mayDouble():
			if second != 1 && second != 2 {
				tr.t.Errorf("%s has %d copies after the answer was lost", rcpt, second)
			}
		case first > 1 || second != 1:
			tr.t.Errorf("%s heard nothing final, and has %d, later %d copies", rcpt, first, second)
		}
	}
}

// mayDouble: only A knows that it took the message, and does not say so; or the
// program knew, and could not keep it.
func (tr *trial) mayDouble() bool {
	return tr.cell.Stage == faults.Taken || tr.cell.Side == faults.Store
}

func (tr *trial) nothingLeft() {
	left, err := os.ReadDir(tr.disk.dir)
	if err != nil || len(left) > 0 {
		tr.t.Errorf("spool files are left: %v %v", left, err)
	}
}

func values(m map[string]string) (all []string) {
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// says is the Record's part of a row.
func says(records []filter.Record) string {
	var all []string
	for _, r := range records {
		text := fmt.Sprintf("%v %s", r.Verdict.Action, r.Verdict.Reason)
		for _, f := range r.Verdict.Findings {
			if f.Cause != "" {
				text += fmt.Sprintf(" (%s)", f.Cause)
			}
		}
		all = append(all, text)
	}
	if len(all) == 0 {
		return "–"
	}
	return strings.Join(all, "; ")
}

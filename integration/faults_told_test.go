//go:build integration

package integration

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"proxyfilter/integration/rig"
)

// heard is what the remote client was told.
type heard struct {
	rcpts []rig.Reply
	dot   rig.Reply
	gone  bool // it had hung up
}

// open are the recipients that it has to try again.
func (h heard) open() (again []string) {
	for i, command := range both() {
		reply := h.dot
		if i < len(h.rcpts) && h.rcpts[i].Code != 250 {
			reply = h.rcpts[i]
		}
		if reply.Code/100 != 2 && reply.Code/100 != 5 {
			again = append(again, command)
		}
	}
	return again
}

const lostProxy = "451 4.3.0 Error: queue file write error"

// expect holds what the client heard against what P should have heard. Postfix
// passes on a reply, and says the same of every connection that ends.
func (e *experiment) expect(t *testing.T, h heard) {
	t.Helper()
	if h.gone {
		return
	}
	parts := strings.Split(e.row.Hears, "; ")
	for i, reply := range h.rcpts {
		if want, ok := strings.CutPrefix(parts[0], "RCPT: "); ok && i == 1 {
			same(t, "RCPT", reply, want)
		} else if want, ok := strings.CutPrefix(parts[0], "MAIL: "); ok {
			same(t, "RCPT", reply, want) // smtpd has said yes to MAIL before
		} else if reply.Code != 250 {
			t.Errorf("RCPT: %v", reply)
		}
	}
	if want := parts[len(parts)-1]; h.dot.Code != 0 {
		if strings.HasPrefix(want, "nothing") {
			want = lostProxy
		}
		same(t, "the final dot", h.dot, want)
	}
}

func same(t *testing.T, what string, got rig.Reply, want string) {
	t.Helper()
	pattern := regexp.QuoteMeta(want)
	pattern = strings.Replace(pattern, `\(ref …\)`, `\(ref [0-9A-Z]{12}\)`, 1)
	pattern = strings.Replace(pattern, `queued as …`, `queued as 4ABC\w+`, 1)
	if !regexp.MustCompile("^" + pattern + "$").MatchString(got.String()) {
		t.Errorf("%s: the client heard %v, the table says %s", what, got, want)
	}
}

var settled = regexp.MustCompile(`"action":"(\w+)".*?"reason":"([\w-]+)"`)

// recorded compares the Records, without why spamd did not answer.
func (e *experiment) recorded(t *testing.T) {
	t.Helper()
	want := e.wanted()
	if want == nil {
		return
	}
	var got []string
	rig.Eventually(t, fmt.Sprintf("the records %q", want), func() bool {
		got = e.records()
		return len(got) >= len(want)
	})
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("recorded %q, the table says %q", got, want)
	}
}

// wanted are the Records of the first try that the table has; nil where it has none.
func (e *experiment) wanted() []string {
	if e.row.Record == "–" {
		return nil
	}
	want := strings.Split(regexp.MustCompile(` \(\w+\)`).ReplaceAllString(e.row.Record, ""), "; ")
	if strings.HasPrefix(e.row.Hears, "MAIL: ") { // Postfix says it again for each recipient
		want = slices.Repeat(want, len(both()))
	}
	return want
}

// records are those of the letter so far.
func (e *experiment) records() (got []string) {
	for _, line := range e.Filter.Log.All(0, `"action":`) {
		if m := settled.FindStringSubmatch(line); m != nil && strings.Contains(line, strings.Trim(e.id, "<>")) {
			got = append(got, m[1]+" "+m[2])
		}
	}
	return got
}

// nothingMore waits for the Record of a later message, and wants none of the letter
// but those of the first try and of so many others.
func (e *experiment) nothingMore(t *testing.T, later string, tries int) {
	t.Helper()
	if _, err := e.Filter.Log.Wait(within(t), 0, `"action":.*`+regexp.QuoteMeta(strings.Trim(later, "<>"))); err != nil {
		t.Fatal(err)
	}
	want := e.wanted()
	if want == nil {
		return
	}
	rig.Eventually(t, "the Record of the next try", func() bool { return len(e.records()) >= len(want)+tries })
	if got := e.records(); len(got) != len(want)+tries {
		t.Errorf("recorded in the end %q, the table says %q, and there were %d more tries", got, want, tries)
	}
}

// count compares the copies at the next hop, for each recipient.
func (e *experiment) count(t *testing.T, want string) {
	t.Helper()
	each := [2]int{}
	for _, taken := range e.hop.Report().Delivered() {
		if !strings.Contains(string(taken.Content), "\r\nMessage-ID: "+e.id+"\r\n") {
			continue
		}
		for _, rcpt := range taken.Recipients {
			for i, command := range both() {
				if "RCPT TO:"+rcpt == command {
					each[i]++
				}
			}
		}
	}
	got := fmt.Sprint(each[0])
	if each[0] != each[1] {
		got = fmt.Sprintf("%d and %d", each[0], each[1])
	}
	if got != want {
		t.Errorf("the next hop has %s copies, the table says %s", got, want)
	}
}

func first(copies string) string {
	before, _, _ := strings.Cut(copies, ", then ")
	return before
}

func last(copies string) string {
	if _, after, found := strings.Cut(copies, ", then "); found {
		return after
	}
	return copies
}

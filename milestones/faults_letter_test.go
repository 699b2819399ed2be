package milestones

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"proxyfilter/filter/spamd/spamdtest"
	"proxyfilter/integration/faults"
)

// letter is one message of the matrix, to both recipients.
type letter struct {
	id      string
	content string
}

// write makes a letter. Where something is to happen in the middle of it, it is
// longer than what the connections in memory hold.
func write(id string, cell faults.Cell, spam bool) letter {
	lines := 4
	switch {
	case cell.Stage == faults.Content && cell.Side != faults.Postfix, cell.Stage == faults.Request:
		lines = 8000
	case cell.Side == faults.Spool:
		lines = 1500
	}
	body := strings.Repeat(strings.Repeat("a letter of the matrix ", 3)+"\r\n", lines)
	if spam {
		body += spamdtest.GTUBE + "\r\n"
	}
	return letter{id, fmt.Sprintf("Message-ID: <%s@matrix.example>\r\nDate: Thu, 26 Nov 2026 12:00:00 +0000\r\nSubject: %s\r\n\r\n%s", id, id, body)}
}

// recipients are two, so that a fault of one can leave the other.
var recipients = [...]string{"first@example.net", "second@example.net"}

// answers are what P has heard in one conversation.
type answers struct {
	refused map[string]string // recipients that were refused at RCPT
	taken   []string          // those that were not
	reply   string            // to the final dot, or what ended the conversation before it
	stage   faults.Stage      // of reply; empty when there was none
	closed  bool              // our side has hung up, and P had not
	after   time.Duration     // from P's last words to the reply or the end
}

// settled is what a recipient's reply means to the remote client: "2" and "5" end
// it, anything else is tried again.
func (a answers) settled(rcpt string) string {
	if words, ok := a.refused[rcpt]; ok {
		return class(words)
	}
	return class(a.reply)
}

func class(reply string) string { return reply[:min(1, len(reply))] }

// String is what P heard, for the table.
func (a answers) String() string {
	var all []string
	for _, rcpt := range recipients {
		if words, ok := a.refused[rcpt]; ok {
			all = append(all, "RCPT: "+words)
		}
	}
	switch {
	case a.reply == "" && a.closed:
		all = append(all, "nothing, then the end")
	case a.reply == "":
		all = append(all, "nothing, it has gone")
	case a.stage == faults.Dot || a.stage == faults.QUIT:
		all = append(all, a.reply)
	default:
		all = append(all, string(a.stage)+": "+a.reply)
	}
	return anonymous(strings.Join(all, "; "))
}

var (
	reference = regexp.MustCompile(`\(ref [0-9A-Z]{12}\)`)
	queue     = regexp.MustCompile(`queued as 4ABC\w+`)
)

// anonymous leaves out what differs from run to run.
func anonymous(reply string) string {
	return queue.ReplaceAllString(reference.ReplaceAllString(reply, "(ref …)"), "queued as …")
}

// rest are the recipients that the remote client has to try again.
func (a answers) rest(before []string) []string {
	return slices.DeleteFunc(slices.Clone(before), func(rcpt string) bool {
		s := a.settled(rcpt)
		return s == "2" || s == "5"
	})
}

package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"proxyfilter/integration/rig"
)

// Copy is one delivered file.
type Copy struct {
	ID        string // the Message-ID, without angle brackets
	Helo      string // of the attempt that it came from
	QueueID   string // of the next hop
	Recipient string
	Raw       []byte // the whole file
}

var (
	messageID = regexp.MustCompile(`(?mi)^Message-ID: <(.*)>`)
	queueID   = regexp.MustCompile(`\sid (\w+)[;\s]`)
)

// Copies reads a mailbox.
func Copies(mails []rig.Mail) []Copy {
	list := make([]Copy, 0, len(mails))
	for _, m := range mails {
		top := m.Raw[:min(len(m.Raw), 32<<10)]
		list = append(list, Copy{
			ID: group(messageID, top), Helo: string(helo.Find(top)), QueueID: group(queueID, top),
			Recipient: m.Recipient, Raw: m.Raw,
		})
	}
	return list
}

func group(expression *regexp.Regexp, text []byte) string {
	match := expression.FindSubmatch(text)
	if match == nil {
		return ""
	}
	return string(match[1])
}

// whole says whether the copy ends with the content that was to arrive.
func (c Copy) whole(l *Letter) bool {
	want := l.Arrives
	if want == nil {
		want = l.Content
	}
	return bytes.HasSuffix(c.Raw, bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n")))
}

// Record is an outcome as proxyfilter logged it (log.format = "json").
type Record struct {
	ID      string `json:"id"`
	Helo    string `json:"helo"`
	Action  string `json:"action"`
	Reason  string `json:"reason"`
	Reply   string `json:"reply"`
	QueueID string `json:"queue_id"`
	Err     string `json:"error"`
	Delays  struct {
		Waited    float64 `json:"waited"` // seconds
		Scanned   float64 `json:"scanned"`
		Committed float64 `json:"committed"`
	} `json:"delays"`
	Line string `json:"-"`
}

// Records reads the lines that tell of outcomes.
func Records(lines []string) []Record {
	var list []Record
	for _, line := range lines {
		at := strings.IndexByte(line, '{')
		r := Record{Line: line}
		if at >= 0 && json.Unmarshal([]byte(line[at:]), &r) == nil && r.Action != "" {
			list = append(list, r)
		}
	}
	return list
}

// Kill is one process that was ended with SIGKILL, and whose it was.
type Kill struct {
	Number int
	What   string // such as "A smtpd"
	Daemon string // such as "A"
	PID    int
	At     time.Time // before the signal
}

// String is the kill in one line.
func (k Kill) String() string {
	return fmt.Sprintf("kill %d, %s: %s, pid %d", k.Number, clock(k.At), k.What, k.PID)
}

// Evidence is everything that is known of a run when it has come to rest.
type Evidence struct {
	Book    *Book
	Copies  []Copy
	Records []Record
	Kills   []Kill
	Filter  []string // the log of proxyfilter
	NextHop []string // the log of the next hop, to be quoted
}

// noQuit is what proxyfilter says when it answered, and Postfix did not show that
// it has heard. From then on it answers the retry by itself.
const noQuit = "ended without QUIT"

// unheard says whether proxyfilter knew that its answer may be lost.
func (e Evidence) unheard(r Record) bool {
	return slices.ContainsFunc(e.Filter, func(line string) bool {
		return strings.Contains(line, noQuit) && strings.Contains(line, r.ID)
	})
}

// about are the records of an attempt.
func (e Evidence) about(a Attempt) []Record {
	var found []Record
	for _, r := range e.Records {
		if r.Helo == a.Helo {
			found = append(found, r)
		}
	}
	return found
}

// killed says whether a process of the daemon was killed during the attempt, or so
// long after it.
func (e Evidence) killed(daemon string, a Attempt, after time.Duration) bool {
	return slices.ContainsFunc(e.Kills, func(k Kill) bool {
		return k.Daemon == daemon && !k.At.Before(a.Began) && !k.At.After(a.Ended.Add(after))
	})
}

package relay

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// FuzzNextHop: whatever the next hop says, and when, each message gets one answer
// in time, and no 2xx that the next hop has not given behind that message's end of
// data; what the next hop has taken is taken, for the client as well; and its end
// of data is sent once at most, with the right envelope and content.
func FuzzNextHop(f *testing.F) {
	for _, script := range hopScripts() {
		for how := range uint16(4) {
			f.Add([]byte(script), how)
		}
	}
	f.Fuzz(func(t *testing.T, script []byte, how uint16) {
		synctest.Test(t, func(t *testing.T) { playHop(t, script, how) })
	})
}

// hopScripts have something in each of the first places. Low bytes are proper.
func hopScripts() (scripts []string) {
	for op := byte(128); op < 137; op++ {
		for place := range 8 {
			scripts = append(scripts, strings.Repeat("\x00", place)+string([]byte{op, 99})+"250 2.0.0 Ok\r\n")
		}
	}
	for word := range answerWords() {
		for place := range 8 {
			scripts = append(scripts, strings.Repeat("\x00", place)+string([]byte{137, byte(word), 0}))
		}
	}
	refusal := slices.Index(answerWords(), "550 5.7.1 no\r\n")
	for word := range answerWords() { // to DATA, and the message is refused
		scripts = append(scripts, "\x00\x00\x00\x00\x00\x00"+string([]byte{137, byte(word), 0, 137, byte(refusal), 0}))
	}
	return scripts
}

// letters are the messages of one run: two on the first connection, one on another.
func letters() (all [2][]step) {
	for n := range 3 {
		var steps []step
		for _, line := range []string{"EHLO p", fmt.Sprintf("MAIL FROM:<from%d@b> SIZE=9", n), "RCPT TO:<c@d>", "RCPT TO:<e@f>", "DATA"} {
			steps = append(steps, step{send: line + "\r\n", patient: true})
		}
		text := fmt.Sprintf("Subject: %d\r\n\r\n..stuffed %d\r\n.\r\n", n, n)
		steps = append(steps, step{send: text, patient: true, after: "354"}, step{send: "RSET\r\n", patient: true})
		all[n/2] = append(all[n/2], steps...)
	}
	return all
}

func playHop(t *testing.T, script []byte, how uint16) {
	l := newLaboratory(t, how&1<<3) // at-mail or not; the rest as usual
	if how&2 != 0 {
		l.next.Client = Xclient
	}
	h := &hostile{script: script}
	go h.serve(l.back)
	var sent []completed
	for _, steps := range letters() {
		talk := l.converse(steps)
		replies, err := talk.replies()
		if err != nil {
			t.Fatal(err)
		}
		all, complaint := understood(talk, replies)
		if complaint != "" {
			t.Fatalf("%s\nsent  %q\nheard %q", complaint, talk.sent, talk.heard)
		}
		for i, c := range all {
			if c.reply == nil {
				t.Fatalf("no answer to a message: %q, after %q", talk.heard, talk.sent)
			}
			l.inTime(talk, c)
			all[i].at = when(talk.sendTimes, c.until)
		}
		sent = append(sent, all...)
	}
	l.end()
	h.serves.Wait()
	for _, c := range sent {
		h.check(t, c)
	}
	h.checkCommands(t, sent)
}

// check holds the answer to a message against what the next hop saw of it.
func (h *hostile) check(t *testing.T, c completed) {
	content := carriedText(c.content)
	onWire := strings.TrimPrefix(strings.ReplaceAll("\r\n"+content, "\r\n.", "\r\n.."), "\r\n") + ".\r\n"
	told := c.reply.code[0] == '2'
	ends, yes, unclear := 0, false, false
	for _, v := range h.visits {
		n := strings.Count(v.got, onWire)
		ends += n
		answered := false
		for _, e := range v.events {
			if e.line != "" || e.content != content {
				continue
			}
			answered = true
			yes = yes || strings.Contains("\n"+e.answer, "\n2")
			if v.astray {
				continue
			}
			if e.mail != c.mail || !slices.Equal(e.rcpts, c.rcpts) {
				t.Fatalf("the envelope was %s %q, and became %s %q", c.mail, c.rcpts, e.mail, e.rcpts)
			}
			if e.answer[:min(1, len(e.answer))] == "2" && !told && !v.reset && e.at.Sub(c.at) < 90*time.Second {
				t.Fatalf("the next hop has taken it, and the client was told %s", c.reply.text)
			}
		}
		// An answer too many may come when the end of data is on its way, and
		// nobody can tell it from the right one; not even when the next hop hangs
		// up then, and never reads that end.
		unclear = unclear || v.astray && (n > 0 && !answered || v.slow && strings.Contains(v.got, c.mail))
	}
	if ends > 1 {
		t.Fatalf("the end of data was sent %d times for %q", ends, c.content)
	}
	if told && !yes && !unclear {
		t.Fatalf("the client was told %s, and the next hop saw %q", c.reply.text, h.all())
	}
}

// checkCommands wants the next hop to have heard commands only, of messages that
// were sent, as long as it behaved itself.
func (h *hostile) checkCommands(t *testing.T, sent []completed) {
	for _, v := range h.visits {
		for _, e := range v.events {
			verb, _, _ := strings.Cut(strings.TrimSuffix(e.line, "\r\n"), " ")
			if v.astray || slices.Contains([]string{"", "EHLO", "XFORWARD", "XCLIENT", "MAIL", "RCPT", "DATA", "QUIT"}, verb) {
				continue
			}
			t.Fatalf("%q is no command for a next hop that saw %q", e.line, v.got)
		}
		for _, e := range v.events {
			if e.line == "" && !slices.ContainsFunc(sent, func(c completed) bool { return carriedText(c.content) == e.content }) {
				t.Fatalf("the next hop got %q, which nobody sent", e.content)
			}
		}
	}
}

func (h *hostile) all() (got []string) {
	for _, v := range h.visits {
		got = append(got, v.got)
	}
	return got
}

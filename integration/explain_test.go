//go:build integration

package integration

import (
	"context"
	"strings"
	"testing"
	"time"

	"proxyfilter/integration/rig"
)

// explained asks until the journal has it: it is written in the background.
func explained(t *testing.T, s *rig.Site, what string) string {
	t.Helper()
	ctx := within(t)
	for {
		out, err := s.Run(ctx, "explain", what)
		if err == nil {
			return out
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%v\n%s", err, out)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func holds(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q is missing in\n%s", w, text)
		}
	}
}

func TestWhatTheClientWasToldTellsTheStory(t *testing.T) {
	s := shared(t)
	for way, front := range fronts(s) {
		t.Run(way, func(t *testing.T) {
			id := uniqueID(t)
			reply := visit{content: message(id, gtube+"\r\n")}.deliver(t, front)
			match := refusal.FindStringSubmatch(reply.String())
			if match == nil {
				t.Fatalf("not refused: %s", reply)
			}
			for _, name := range []string{match[1], strings.ToLower(match[1]), id} {
				holds(t, explained(t, s, name), match[1]+": refused, ", "carol@example.org", "alice@example.net", id,
					"GTUBE", "Generic Test for Unsolicited Bulk Email", `from which the policy "default" refuses mail`,
					"Without GTUBE it would have been low enough.", "Times: received in ", "scanned in ")
			}
		})
	}
}

func TestQueueIDOfTheSecondPostfixTellsTheStory(t *testing.T) {
	s := shared(t)
	reply := visit{content: message(uniqueID(t), "hello\r\n")}.deliver(t, s.Postfix.Front)
	queue := queueID(t, reply.String())
	story := explained(t, s, queue)
	holds(t, story, ": handed on, ", "queue id", queue, "from which mail is marked.", "answered after the verdict in ")
	if strings.Contains(story, "What would") {
		t.Errorf("something is missing in a harmless message:\n%s", story)
	}
	out, err := s.Run(context.WithoutCancel(t.Context()), "explain", "4Nobodys1")
	if err == nil || !strings.Contains(out, "nothing about") {
		t.Errorf("%v: %s", err, out)
	}
}

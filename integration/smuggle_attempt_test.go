//go:build integration

package integration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"proxyfilter/integration/rig"
	"proxyfilter/relay/relaytest"
)

// attempt is one conversation in which a stranger tries to smuggle.
type attempt struct {
	way   way
	trick relaytest.Trick
	ends  bool // the trick is a true end
	tail  string
	pace  pace
	name  string // in all its addresses

	err error
}

func (a attempt) String() string {
	return fmt.Sprintf("%s: %s before %s, %s (%s)", a.way, a.trick.Name, a.tail, a.pace.name, a.name)
}

func (a attempt) content() string {
	evil := relaytest.Smuggled(a.tail, a.name+".evil@example.org", a.name+".victim@example.net", a.name+".anybody@elsewhere.invalid")
	return string(message("<"+a.name+"@example.org>", "first")) + a.trick.Sequence + evil + "\r\n.\r\n"
}

// pace is how a sender cuts what he sends, and how long he waits between two
// pieces. Time is what he plays with, so here it must pass.
type pace struct {
	name string
	cut  func(content, sequence string) []string
	wait time.Duration
}

func atOnce(content, _ string) []string { return []string{content} }

func byteByByte(content, _ string) []string { return strings.Split(content, "") }

func lineByLine(content, _ string) []string { return strings.SplitAfter(content, "\n") }

// withinSequence cuts at each byte of the sequence, and behind it.
func withinSequence(content, sequence string) []string {
	before, after, _ := strings.Cut(content, "first"+sequence)
	return slices.Concat([]string{before + "first"}, strings.Split(sequence, ""), []string{after})
}

// attempts are the whole corpus at once on every way, and, for the sequences that
// some Postfix has believed, every pace. The pace of the client reaches us only
// without speed_adjust: with it the first Postfix has the whole message before it
// calls us.
func attempts(all []way) []*attempt {
	paces := []pace{
		{"cut in the sequence", withinSequence, 5 * time.Millisecond},
		{"byte by byte", byteByByte, 0},
		{"slowly", lineByLine, 20 * time.Millisecond},
	}
	believed := []string{"LF dot LF", "LF dot CRLF", "CRLF dot LF", "CRLF dot CR CRLF", "LF dot CR CRLF", "CR CRLF dot CRLF"}
	var list []*attempt
	for _, w := range all {
		for i, trick := range append(relaytest.Tricks(), relaytest.TrueEnds()...) {
			for _, tail := range relaytest.Tails() {
				a := attempt{way: w, trick: trick, ends: i >= len(relaytest.Tricks()), tail: tail, pace: pace{"at once", atOnce, 0}}
				list = append(list, &a)
				if !w.lockstep || !w.careful || w.behind != "postfix/careless" || !slices.Contains(believed, trick.Name) {
					continue
				}
				for _, p := range paces {
					slow := a
					slow.pace = p
					list = append(list, &slow)
				}
			}
		}
	}
	for i, a := range list {
		a.name = fmt.Sprintf("case%d", i)
	}
	return list
}

// send is the whole conversation. What the first Postfix makes of it is its own
// affair, and so is every reply from 354 on; it may also hang up.
func (a *attempt) send(ctx context.Context) error {
	c, err := rig.Dial(ctx, a.way.front, rig.Stranger)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, command := range []string{
		"EHLO client.example.org", "MAIL FROM:<" + a.name + "@example.org>", "RCPT TO:<" + a.name + "@example.net>", "DATA",
	} {
		if reply, err := c.Say(command); err != nil || reply.Code >= 400 {
			return fmt.Errorf("%s: %v %w", command, reply, err)
		}
	}
	for _, piece := range a.pace.cut(a.content(), a.trick.Sequence) {
		if _, err := c.Write([]byte(piece)); err != nil {
			return nil
		}
		if a.pace.wait > 0 {
			<-time.After(a.pace.wait)
		}
	}
	if _, err := c.Read(); err != nil {
		return nil
	}
	_, err = c.Write([]byte("QUIT\r\n"))
	for err == nil {
		_, err = c.Read()
	}
	return nil
}

// sendAll plays all conversations, several at once.
func sendAll(t *testing.T, list []*attempt) {
	t.Helper()
	work := make(chan *attempt)
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			for a := range work {
				a.err = a.send(t.Context())
			}
		})
	}
	for _, a := range list {
		work <- a
	}
	close(work)
	senders.Wait()
	for _, a := range list {
		if a.err != nil {
			t.Fatal(a, a.err)
		}
	}
}
